"""Definition 3: the risk on real data grows without bound with the generations.

No run of finite length shows a limit; it shows how the rise goes on. With ``r_g`` the mean risk,
the exponent ``p = log2 (r_G - r_0)/(r_{G/2} - r_0)`` is the slope of the rise over the last
doubling of generations on log-log axes: 1 for linear growth, more for geometric growth, 0 for a
risk that has settled. A risk that settles over a time longer than about 0.8 G is mistaken for one
that grows; only a longer run tells them apart.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recurse.claims.inference import Interval, ratio_interval, t_interval
from recurse.verdicts.trace import Finding, Trace, limits, lost, risk_ratio, uneven

NUMBER = 3
NAME = "diverging risk"
STEEP = 0.75
"""Exponent from which on the rise counts as one without end."""
SETTLED = 0.1
"""Exponent of the risk itself over the last doubling below which it counts as settled: 7 %."""
SHORTEST = 8
"""Generations below which a rise has no shape."""
RULE = (
    f"the rise of risk grows over the last doubling of generations like g^{STEEP:g} or faster; "
    f"no: the risk itself grows less than g^{SETTLED:g} there, 7 %"
)


def find(trace: Trace, _: Sequence[Trace], level: float) -> Finding:
    """``yes`` on the exponent of the rise, ``no`` on that of the risk; half the level to each."""
    trace = trace.whole()
    if (defect := trace.defect()) is not None:
        return defect
    half, end = trace.place(trace.last / 2), len(trace.generations) - 1
    # One side of the half of the level that is for yes.
    if (infinite := lost(trace, [end], level / 4)) is not None:
        return infinite
    if trace.last < SHORTEST:
        return Finding("cannot tell", f"{trace.last} generations, {SHORTEST} at least are needed")
    if half == 0:
        return Finding("cannot tell", "nothing is measured around the middle of the run")
    if not trace.finite[half]:
        return Finding("cannot tell", "not finite around the middle of the run")
    if reason := uneven(trace.values[end]) or uneven(trace.values[half]):
        return Finding("cannot tell", reason)
    share = level / 2
    rise = _exponent(trace, half, end, share)
    if rise.low >= STEEP:
        return Finding(
            "yes", f"the rise goes like g^{rise.estimate:.2f}, {limits(rise, share)}", *rise
        )
    span = np.log2(trace.last / float(trace.generations[half]))
    now = risk_ratio(trace, end, half, share)
    risk = Interval(*(float(np.log2(value) / span) if value > 0 else -np.inf for value in now))
    text = f"the risk goes like g^{risk.estimate:.2f}, {limits(risk, share)}"
    return Finding("no" if risk.high < SETTLED else "cannot tell", text, *risk)


def _exponent(trace: Trace, half: int, end: int, level: float) -> Interval:
    """The exponent of the rise; without limits if no rise is shown by the middle of the run."""
    sign = 1.0 if trace.worse == "up" else -1.0
    early = sign * (trace.values[half] - trace.values[0])
    late = sign * (trace.values[end] - trace.values[0])
    unknown = Interval(np.nan, -np.inf, np.inf)
    if t_interval(early, level).low <= 0.0:
        return unknown
    span = np.log2(trace.last / float(trace.generations[half]))
    at = ratio_interval(late, early, level)
    if at.low <= 0.0:
        return unknown
    return Interval(*(float(np.log2(value) / span) for value in at))
