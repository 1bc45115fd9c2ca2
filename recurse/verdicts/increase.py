"""Definition 2: the risk on real data rises above that of the model of real data at all."""

from __future__ import annotations

from collections.abc import Sequence

from recurse.verdicts.trace import ROUNDING, Finding, Trace, lost, risk_ratios, times, uneven

NUMBER = 2
NAME = "any rise of risk"
MARGIN = 1.05
"""A ratio that counts as none: no finite number of seeds shows that there is exactly none."""
RULE = (
    "risk exceeds that of generation 0 at generation 1, 2, 4, 8, ... or the last; "
    f"no: stays below {MARGIN:g} times"
)


def find(trace: Trace, _: Sequence[Trace], level: float) -> Finding:
    """``yes`` if shown at one of the landmarks, ``no`` if all intervals end below the margin."""
    trace = trace.whole()
    if (defect := trace.defect()) is not None:
        return defect
    rows = trace.landmarks()
    share = level / len(rows)
    infinite = lost(trace, rows, level / 2)
    if infinite is not None and infinite.answer == "yes":
        return infinite
    found = risk_ratios(trace, rows, share)
    sound = [(at, row) for at, row in found if not uneven(trace.values[row])]
    above = [(at, row) for at, row in sound if at.low > 1.0 + ROUNDING]
    if above:
        at, row = max(above, key=lambda pair: pair[0].low)
        return Finding("yes", times(trace, at, row, share), *at)
    if infinite is not None:
        return infinite
    at, row = max(found, key=lambda pair: pair[0].high)
    text = times(trace, at, row, share)
    if len(sound) < len(found):
        return Finding("cannot tell", f"{text}; a few seeds carry most of the spread", *at)
    return Finding("no" if at.high < MARGIN else "cannot tell", text, *at)
