"""Definition 7: rare events of the real data get no mass any more."""

from __future__ import annotations

from collections.abc import Sequence

from recurse.verdicts import mass
from recurse.verdicts.trace import Finding, Trace

NUMBER = 7
NAME = "lost tails"
RULE = f"more of the real events is lost {mass.RULE}"


def find(trace: Trace, _: Sequence[Trace], level: float) -> Finding:
    """``yes`` if shown at one of the landmarks, ``no`` if excluded at all of them."""
    return mass.change(trace, level)
