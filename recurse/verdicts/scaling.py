"""Definition 4: the law by which the loss falls with the number of samples changes.

The loss is taken as ``n^-a``; the exponent is fitted over the arms that differ in the number of
samples alone, at generation 0 and at the last one. A floor that the loss runs into shows as a
smaller exponent; a constant factor on the loss changes no exponent.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, reduce

import numpy as np

from recurse.claims.inference import Array, Interval, t_interval
from recurse.verdicts.trace import FEWEST, Finding, Trace, limits, uneven

NUMBER = 4
NAME = "changed scaling law"
MARGIN = 0.1
"""Change of the exponent that counts as none."""
RULE = (
    f"the exponent of loss against samples changes by more than {MARGIN:g} from generation 0 "
    "to the last"
)


def find(trace: Trace, sizes: Sequence[Trace], level: float) -> Finding:
    """``yes`` if the interval of the change lies outside the margin, ``no`` if inside it."""
    return _found(tuple(sizes), trace.log, level)


@lru_cache(maxsize=256)
def _found(sizes: tuple[Trace, ...], log: bool, level: float) -> Finding:
    """The finding, which is the same for all arms that differ in the number of samples alone."""
    arms = sorted((one.whole() for one in sizes if one.size), key=lambda one: float(one.size or 0))
    counts = np.array([one.size for one in arms], float)
    if len(np.unique(counts)) < 2:
        return Finding("cannot tell", "takes arms that differ in the number of samples alone")
    if len(np.unique(counts)) < len(counts):
        return Finding("cannot tell", "several arms have one number of samples")
    if (defect := next((d for one in arms if (d := one.defect())), None)) is not None:
        return defect
    if len({one.last for one in arms}) > 1:
        return Finding("cannot tell", "the arms end at different generations")
    seeds = reduce(np.intersect1d, [one.seeds for one in arms])
    if len(seeds) < FEWEST:
        return Finding("cannot tell", f"{len(seeds)} seeds are common to all sizes")
    if log or not all(one.finite.all() for one in arms):
        return Finding("cannot tell", "takes finite losses with a zero of their own")
    influence, reason = _influence(arms, seeds, counts)
    if influence is None:
        return Finding("cannot tell", reason)
    slope = t_interval(influence, level)
    at = Interval(-slope.estimate, -slope.high, -slope.low)
    text = (
        f"exponent {at.estimate:+.2g} over {len(counts)} sizes by generation {arms[0].last}, "
        f"{limits(at, level)}"
    )
    if at.low > MARGIN or at.high < -MARGIN:
        return Finding("yes", text, *at)
    inside = -MARGIN < at.low and at.high < MARGIN
    return Finding("no" if inside else "cannot tell", text, *at)


def _influence(
    arms: Sequence[Trace], seeds: np.ndarray[tuple[int], np.dtype[np.int64]], counts: Array
) -> tuple[Array | None, str]:
    """``[R]`` values whose mean is the change of the log-log slope, linearised seed by seed.

    Seeds are common to the arms and may share their streams, so the spread is taken of the sum over
    the arms, not arm by arm.
    """
    x = np.log(counts) - np.log(counts).mean()
    total = np.zeros(len(seeds))
    for weight, one in zip(x / (x @ x), arms, strict=True):
        values = one.values[:, np.isin(one.seeds, seeds)]
        first, last = values[0], values[-1]
        if min(first.mean(), last.mean()) <= 0:
            return None, "a loss is not positive"
        if uneven(last):
            return None, f"{uneven(last)} of {one.arm}"
        change = np.log(last.mean() / first.mean())
        total += weight * (change + last / last.mean() - first / first.mean())
    return total, ""
