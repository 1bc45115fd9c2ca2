"""The change of a metric between two generations, with an interval, paired by seed.

Ratios of means by the delta method on the log scale: with means a and b of the same R seeds,
``var(log b/a) = (s_b^2/b^2 + s_a^2/a^2 - 2 s_ab/(a b)) / R`` (Cochran, Sampling Techniques,
3rd ed., section 6.4). Quantiles are Student's with R - 1 degrees of freedom. Nothing is drawn at
random.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recurse.numerics import student

Values = npt.NDArray[np.float64]
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate and its interval over ``n`` seeds; low and high are NaN for one seed."""

    mid: float
    low: float
    high: float
    n: int

    @property
    def known(self) -> bool:
        """True if there is an interval."""
        return bool(np.isfinite([self.low, self.high]).all())

    def excludes(self, value: float) -> bool:
        """True if a value lies outside."""
        return self.known and not self.low <= value <= self.high

    @property
    def inverse(self) -> Interval:
        """The interval of one over a ratio."""
        return Interval(1 / self.mid, 1 / self.high, 1 / self.low, self.n)


def ratio(first: Values, last: Values, level: float = LEVEL) -> Interval:
    """Mean of ``last [R]`` over mean of ``first [R]``, both positive, pairs by position."""
    n, a, b = len(first), float(first.mean()), float(last.mean())
    mid = b / a
    if n < 2:
        return Interval(mid, np.nan, np.nan, n)
    influence = last / b - first / a
    half = _quantile(n, level) * float(influence.std(ddof=1)) / np.sqrt(n)
    return Interval(mid, mid * float(np.exp(-half)), mid * float(np.exp(half)), n)


def difference(first: Values, last: Values, level: float = LEVEL) -> Interval:
    """Mean of ``last [R]`` minus mean of ``first [R]``, pairs by position."""
    change = last - first
    n, mid = len(change), float(change.mean())
    if n < 2:
        return Interval(mid, np.nan, np.nan, n)
    half = _quantile(n, level) * float(change.std(ddof=1)) / np.sqrt(n)
    return Interval(mid, mid - float(half), mid + float(half), n)


def _quantile(n: int, level: float) -> float:
    return student.quantile(0.5 - level / 2, n - 1)
