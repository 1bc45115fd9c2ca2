"""The common part of definitions 6 to 8: something real is lost, or something unreal appears.

A metric whose lower values are worse counts what is left (modes, symbols) and is compared with
generation 0 as a ratio; one whose higher values are worse is a probability (missing or hallucinated
mass) and is compared as a difference, since it may start at 0.
"""

from __future__ import annotations

from recurse.claims.inference import Interval, ratio_interval, t_interval
from recurse.verdicts.trace import ROUNDING, Finding, Trace, constant, limits, uneven

MARGIN = 0.01
"""The part lost, or the mass, that counts as none."""
RULE = "than at generation 0, at generation 1, 2, 4, 8, ... or the last; no: by less than 1 %"


def change(trace: Trace, level: float) -> Finding:
    """``yes`` if a loss is shown at one of the landmarks, ``no`` if all stay within the margin."""
    trace = trace.whole()
    if (defect := trace.defect()) is not None:
        return defect
    if not trace.finite.all():
        return Finding("cannot tell", "takes finite values")
    if trace.worse == "down" and trace.values[0].mean() <= 0:
        return Finding("cannot tell", "nothing was there at generation 0")
    rows = trace.landmarks()
    share = level / len(rows)
    found = [(_loss(trace, row, share), row) for row in rows]
    at, row = max(found, key=lambda pair: pair[0].low)
    if at.low > ROUNDING and not uneven(trace.values[row]):
        return Finding("yes", _text(trace, at, row, share), *at)
    at, row = max(found, key=lambda pair: pair[0].high)
    text = _text(trace, at, row, share)
    still = any(constant(trace.values[row] - trace.values[0], share) for row in rows)
    if at.high < MARGIN and not still:
        return Finding("no", text, *at)
    return Finding("cannot tell", text, *at)


def _loss(trace: Trace, row: int, level: float) -> Interval:
    """Share lost, or mass gained, since generation 0."""
    if trace.worse == "up":
        return t_interval(trace.values[row] - trace.values[0], level)
    left = ratio_interval(trace.values[row], trace.values[0], level)
    return Interval(1.0 - left.estimate, 1.0 - left.high, 1.0 - left.low)


def _text(trace: Trace, at: Interval, row: int, level: float) -> str:
    what = "mass gained" if trace.worse == "up" else "share lost"
    return f"{what} {at.estimate:.3g} at generation {trace.generations[row]}, {limits(at, level)}"
