"""Definition 5: the variance, or the diversity, of what the model draws vanishes.

The typical model counts, not the mean one: with unbiased estimates the mean variance stays at 1
while almost every chain goes to 0 (Shumailov et al. 2305.17493; Kazdan et al. 2410.16713). So the
mean over the seeds is that of logarithms; a model that has lost everything enters as ``LEAST``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recurse.claims.inference import Array, Interval, ratio_interval, t_interval
from recurse.verdicts.trace import Finding, Trace, constant, limits

NUMBER = 5
NAME = "collapsing variance"
GONE = 0.1
"""Share of generation 0 at or below which the spread counts as gone."""
HALF, STEADY = 0.5, 0.75
"""The spread counts as gone as well if half is left and the logarithm falls like g^0.75 or more."""
KEPT, FLAT = 0.5, 0.9
"""The loss counts as absent if these shares of generation 0 and of the middle are left."""
LEAST = GONE**2
"""The share taken for a model with nothing left: half of such models make the spread gone."""
RULE = (
    f"the typical (geometric mean) spread is at {GONE:.0%} of generation 0 or below, or at "
    f"{HALF:.0%} and still falling geometrically; no: above {KEPT:.0%}, and above {FLAT:.0%} of "
    "what it was at the middle of the run"
)


def find(trace: Trace, _: Sequence[Trace], level: float) -> Finding:
    """Three intervals, a third of the level to each."""
    trace = trace.whole()
    if (defect := trace.defect()) is not None:
        return defect
    started = np.isfinite(trace.values[0]) & (trace.log | (trace.values[0] > 0))
    if not started.all() or np.isnan(trace.values).any() or np.isposinf(trace.values).any():
        return Finding("cannot tell", "takes finite values that start above 0")
    share = level / 3
    half, end = trace.place(trace.last / 2), len(trace.generations) - 1
    now, middle = _logs(trace, end), _logs(trace, half)
    at = Interval(*(float(value) for value in np.exp(t_interval(now, share))))
    most = "" if at.estimate > LEAST * (1 + 1e-9) else "at most "
    left = f"{most}{at.estimate:.3g} of generation 0 is left"
    text = f"{left} at generation {trace.last}, {limits(at, share)}"
    if at.high <= GONE:
        return Finding("yes", text, *at)
    if at.high <= HALF and half and (pace := _pace(trace, now, middle, half, share)).low >= STEADY:
        return Finding("yes", f"{text}; its logarithm falls like g^{pace.estimate:.2f}", *at)
    since = float(np.exp(t_interval(now - middle, share).low))
    still = constant(now, share) or constant(now - middle, share)
    if at.low > KEPT and since > FLAT and not still:
        return Finding("no", text, *at)
    return Finding("cannot tell", text, *at)


def _logs(trace: Trace, row: int) -> Array:
    """``[R]``: the logarithm of what is left since generation 0."""
    now, first = trace.values[row], trace.values[0]
    left = now - first if trace.log else np.log(np.maximum(now / first, LEAST))
    return np.asarray(np.maximum(left, np.log(LEAST)))


def _pace(trace: Trace, now: Array, middle: Array, half: int, level: float) -> Interval:
    """The exponent of the fall of the logarithm over the last doubling."""
    if t_interval(middle, level).high >= 0.0:
        return Interval(np.nan, -np.inf, np.inf)
    at = ratio_interval(-now, -middle, level)
    span = np.log2(trace.last / float(trace.generations[half]))
    return Interval(*(float(np.log2(v) / span) if v > 0 else -np.inf for v in at))
