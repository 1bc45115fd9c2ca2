"""Definition 6: real modes merge or vanish."""

from __future__ import annotations

from collections.abc import Sequence

from recurse.verdicts import mass
from recurse.verdicts.trace import Finding, Trace

NUMBER = 6
NAME = "lost modes"
RULE = f"fewer modes are left {mass.RULE}"


def find(trace: Trace, _: Sequence[Trace], level: float) -> Finding:
    """``yes`` if shown at one of the landmarks, ``no`` if excluded at all of them."""
    return mass.change(trace, level)
