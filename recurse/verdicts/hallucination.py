"""Definition 8: the model puts mass where the real data have none."""

from __future__ import annotations

from collections.abc import Sequence

from recurse.verdicts import mass
from recurse.verdicts.trace import Finding, Trace

NUMBER = 8
NAME = "hallucinated data"
RULE = f"more mass lies outside of the real data {mass.RULE}"


def find(trace: Trace, _: Sequence[Trace], level: float) -> Finding:
    """``yes`` if shown at one of the landmarks, ``no`` if excluded at all of them."""
    return mass.change(trace, level)
