"""Definition 1: the risk on real data becomes catastrophic within few generations."""

from __future__ import annotations

from collections.abc import Sequence

from recurse.verdicts.trace import Finding, Trace, lost, risk_ratios, times, uneven

NUMBER = 1
NAME = "catastrophic rise of risk"
FACTOR = 10.0
"""Times the risk of generation 0."""
WITHIN = 5
"""Generations. A risk that grows by itself once per generation is at 6 times by then."""
RULE = f"risk reaches {FACTOR:g} times that of generation 0 within {WITHIN} generations"


def find(trace: Trace, _: Sequence[Trace], level: float) -> Finding:
    """``yes`` if shown at any of the first generations, ``no`` if excluded at all of them."""
    trace = trace.whole()
    if (defect := trace.defect()) is not None:
        return defect
    rows = [row for row, g in enumerate(trace.generations) if 0 < g <= WITHIN]
    if not rows:
        return Finding("cannot tell", f"nothing is measured within {WITHIN} generations")
    share = level / len(rows)
    found = risk_ratios(trace, rows, share)
    infinite = lost(trace, rows, level / 2)
    if infinite is not None and (infinite.answer == "yes" or not found):
        return infinite
    at, row = max(found, key=lambda pair: pair[0].low)
    text = times(trace, at, row, share)
    if reason := uneven(trace.values[row]):
        return Finding("cannot tell", f"{text}; {reason}", *at)
    if at.low >= FACTOR:
        return Finding("yes", text, *at)
    if infinite is not None:
        return infinite
    if trace.last < WITHIN:
        return Finding("cannot tell", f"{text}; the run ends at generation {trace.last}", *at)
    below = all(one.high < FACTOR for one, _ in found)
    return Finding("no" if below else "cannot tell", text, *at)
