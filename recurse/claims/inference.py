"""The statistics behind claims: means with t limits, ratios of means, quantiles, slopes.

Seeds are independent and identically distributed, generations are not; so a spread is always taken
over seeds. SciPy is imported where it is used: reading a spec needs none of it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recurse.numerics import student

Array = NDArray[np.float64]
ROUNDING = 1e-12
"""Relative size of the difference that rounding may leave where theory has no spread at all."""
MOST_SEEDS = 1_000_000
"""The most seeds that a scenario may have."""


class Interval(NamedTuple):
    """An estimate between two limits; they are NaN where one seed gives none."""

    estimate: float
    low: float
    high: float

    @property
    def known(self) -> bool:
        """True if there are limits; they may be infinite."""
        return not (np.isnan(self.low) or np.isnan(self.high))

    def excludes(self, value: float) -> bool:
        """True if a value lies outside."""
        return bool(self.low > value or self.high < value)

    @property
    def inverse(self) -> Interval:
        """The interval of one over a positive ratio; an upper limit is infinite for a low of 0."""
        highest = 1.0 / self.low if self.low > 0.0 or np.isnan(self.low) else np.inf
        return Interval(1.0 / self.estimate, 1.0 / self.high, highest)


def above(at: Interval, bound: float, slack: float = 0.0) -> bool | None:
    """True if the whole interval lies above the bound, False if none of it does, None between.

    ``slack`` is the most that rounding may add.
    """
    if at.low > bound + slack:
        return True
    return False if at.high <= bound + slack else None


def too_few(seeds: int, needed: float) -> str:
    """The end of a sentence about results that cannot tell; ``needed`` seeds would do."""
    if not needed <= MOST_SEEDS:
        return f"cannot tell: {seeds} seeds are not enough, and no number within reach would do"
    more = max(int(np.ceil(needed)), seeds + 1)
    return f"cannot tell: not enough seeds ({seeds}); about {_rounded(more)} would do"


def needed_seeds(seeds: int, reach: float, margin: float) -> float:
    """Seeds with which an interval that now reaches ``reach`` would reach ``margin`` only."""
    return seeds * (reach / margin) ** 2 if margin > 0.0 and np.isfinite(reach) else np.inf


def _rounded(number: int) -> int:
    """Upwards to two digits."""
    unit = int(10 ** max(len(str(number)) - 2, 0))
    return -(-number // unit) * unit


def mean_error(values: Array) -> tuple[Array, Array]:
    """Mean and standard error over the last axis: ``[..., R]`` -> ``[...]`` twice."""
    scale = np.sqrt(values.shape[-1])
    return values.mean(axis=-1), values.std(axis=-1, ddof=1) / scale


def standardised(shift: Array, error: Array, slack: Array) -> Array:
    """``shift`` in standard errors, what ``slack`` allows taken off towards 0; inf without spread.

    All ``[K]``; the sign is that of ``shift``.
    """
    rest = np.sign(shift) * np.maximum(np.abs(shift) - slack, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(rest == 0.0, 0.0, rest / error))


def exact_shares(values: Array, expected: Array, slack: Array) -> Array:
    """Deviations of shares of events (zeros and ones ``[K, R]``) on the scale of t: ``[K]``.

    They follow from the binomial tails under the expected share, so that a limit on them has the
    level that t gives it, also for rare events and for seeds that are all alike.
    """
    from scipy.special import bdtr, bdtrc, stdtrit

    seeds, ones = values.shape[-1], values.sum(axis=-1)
    share = ones / seeds
    near = np.clip(np.clip(share, expected - slack, expected + slack), 0.0, 1.0)
    below, above = bdtr(ones, seeds, near), bdtrc(ones - 1, seeds, near)
    tail = np.clip(np.where(share < near, below, np.where(ones > 0, above, 1.0)), 1e-300, 0.5)
    return np.asarray(np.where(share < near, 1.0, -1.0) * stdtrit(seeds - 1, tail))


def rounding(values: Array, expected: Array) -> Array:
    """The slack for rounding of values ``[K, R]`` and the numbers compared with them: ``[K]``."""
    return np.asarray(ROUNDING * np.maximum(np.abs(values).max(axis=-1), np.abs(expected)))


def t_limit(tail: float, seeds: int) -> float:
    """The t quantile with ``seeds - 1`` degrees of freedom that ``tail`` lies above."""
    return student.quantile(tail, seeds - 1)


def t_tail(limit: float, seeds: int) -> float:
    """The probability that t with ``seeds - 1`` degrees of freedom exceeds ``limit``."""
    return student.tail(limit, seeds - 1)


def t_interval(values: Array, level: float) -> Interval:
    """The mean of ``[R]`` with its two-sided t interval; ``level`` outside, half on each side."""
    if len(values) < 2:
        return Interval(float(values.mean()), np.nan, np.nan)
    mean, error = mean_error(values)
    reach = t_limit(level / 2, len(values)) * float(error)
    return Interval(float(mean), float(mean) - reach, float(mean) + reach)


def ratio_interval(above: Array, below: Array, level: float) -> Interval:
    """Ratio of the means of paired ``[R]`` and ``[R]``, with Fieller's interval (JRSS B 16, 1954).

    The interval holds the ratios q for which a t test at ``level`` does not reject that
    ``above - q below`` has mean 0: exact for normal means, the delta method to first order. It is
    unbounded if ``below`` might have mean 0. Never a mean of ratios, which a few seeds dominate.
    """
    a, b = float(above.mean()), float(below.mean())
    if b == 0.0:
        return Interval(np.nan, -np.inf, np.inf)
    if len(above) < 2:
        return Interval(a / b, np.nan, np.nan)
    covariance = np.cov(np.stack([above, below])) / len(above)
    square = t_limit(level / 2, len(above)) ** 2
    first, cross = square * covariance[0, 0], square * covariance[0, 1]
    second = square * covariance[1, 1]
    lead, middle = b * b - second, a * b - cross
    if lead <= 0.0:
        return Interval(a / b, -np.inf, np.inf)
    root = np.sqrt(max(middle * middle - lead * (a * a - first), 0.0))
    return Interval(a / b, float((middle - root) / lead), float((middle + root) / lead))


def proportion_interval(values: Array, tail: float) -> Interval:
    """The mean of zeros and ones ``[R]``; at most ``tail`` beyond each limit (Clopper & Pearson).

    With no ones at all the upper limit is ``1 - tail^(1/R)``, about 3/R at 5 %: the rule of three.
    """
    from scipy.special import betaincinv

    count, ones = len(values), int(values.sum())
    low = betaincinv(ones, count - ones + 1, tail) if ones else 0.0
    high = betaincinv(ones + 1, count - ones, 1.0 - tail) if ones < count else 1.0
    return Interval(ones / count, float(low), float(high))


def unseen(seeds: int, tail: float) -> float:
    """The largest share of other seeds that may differ if all of ``seeds`` are equal.

    A larger one goes unseen with probability ``tail`` at most.
    """
    return float(-np.expm1(np.log(tail) / seeds))


def quantile_interval(values: Array, quantile: float, tail: float) -> Interval:
    """A quantile over seeds ``[R]`` between order statistics; at most ``tail`` beyond each limit.

    Distribution-free: the number of seeds below the true quantile is binomial. A limit is infinite
    if there are too few seeds for one.
    """
    from scipy.special import bdtr

    count = len(values)
    ordered = np.sort(values)
    below = np.asarray(bdtr(np.arange(count), count, quantile))
    low = int((below <= tail).sum())
    high = int((below < 1.0 - tail).sum())
    return Interval(
        float(np.quantile(values, quantile)),
        float(ordered[low - 1]) if low else -np.inf,
        float(ordered[high]) if high < count else np.inf,
    )


def sign_tail(differences: Array) -> float:
    """One-sided sign test: the chance of so many positives in ``[R]`` if half are; ties dropped."""
    from scipy.special import bdtrc

    positive = int((differences > 0).sum())
    untied = int((differences != 0).sum())
    return float(bdtrc(positive - 1, untied, 0.5)) if positive else 1.0


def slopes(generations: Array, values: Array) -> Array:
    """Least-squares slope per seed: ``[K]`` and ``[K, R]`` -> ``[R]``."""
    centred = generations - generations.mean()
    return np.asarray(centred @ values / (centred @ centred))


def heaviest(values: Array) -> float:
    """The share of the squared deviations of ``[R]`` that one seed alone carries."""
    squares = (values - values.mean()) ** 2
    total = float(squares.sum())
    return float(squares.max()) / total if total > 0 else 0.0
