"""Student's t for single numbers: its tail and its quantile, without importing SciPy.

``scipy.special`` takes longer to import than a small question takes to answer.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

_STEPS = 100_000  # of the fraction; it takes some sqrt(freedom)
_CLOSE = 4e-16


def tail(t: float, freedom: float) -> float:
    """The probability that t with so many degrees of freedom exceeds ``t``; NaN for none of them.

    ``P(T > t) = I_x(freedom/2, 1/2) / 2`` with ``x = freedom / (freedom + t^2)`` for ``t >= 0``
    (Abramowitz & Stegun 26.7.1), to some 12 digits.
    """
    if math.isnan(t) or not freedom > 0:
        return math.nan
    if math.isinf(t):
        return 0.0 if t > 0 else 1.0
    whole = freedom + t * t
    found = 0.5 * _beta(0.5 * freedom, 0.5, freedom / whole, t * t / whole)
    return found if t >= 0 else 1.0 - found


@lru_cache(maxsize=4096)
def quantile(above: float, freedom: float) -> float:
    """The t that is exceeded with probability ``above``; NaN without a degree of freedom."""
    if math.isnan(above) or not freedom > 0 or not 0 <= above <= 1:
        return math.nan
    if above > 0.5:
        return -quantile(1.0 - above, freedom)
    if above == 0:
        return math.inf
    if above == 0.5:
        return 0.0
    low, high = 0.0, max(NormalDist().inv_cdf(1.0 - min(max(above, 1e-15), 0.49)), 1.0)
    while tail(high, freedom) > above:
        low, high = high, 2.0 * high
    t = 0.5 * (low + high)
    for _ in range(200):
        left = tail(t, freedom) - above
        low, high = (t, high) if left > 0 else (low, t)
        moved = t + left / _density(t, freedom)
        moved = moved if low < moved < high else 0.5 * (low + high)
        if abs(moved - t) <= _CLOSE * t:
            return moved
        t = moved
    return t


def _density(t: float, freedom: float) -> float:
    half = 0.5 * freedom
    scale = math.lgamma(half + 0.5) - math.lgamma(half) - 0.5 * math.log(freedom * math.pi)
    return math.exp(scale - (half + 0.5) * math.log1p(t * t / freedom))


def _beta(a: float, b: float, x: float, y: float) -> float:
    """The regularised incomplete beta function at ``x = 1 - y`` (A&S 26.5.8, by Lentz)."""
    if x == 0 or y == 0:
        return float(y == 0)
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - _beta(b, a, y, x)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x)
    upper, lower, found = 1.0, 0.0, 1.0
    for place in range(_STEPS):
        m = place // 2
        if place == 0:
            part = 1.0
        elif place % 2:
            part = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            part = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        lower = 1.0 / (1.0 + part * lower or 1e-300)
        upper = 1.0 + part / upper or 1e-300
        found *= upper * lower
        if place and abs(upper * lower - 1.0) < _CLOSE:
            break
    return math.exp(front + b * math.log(y)) * (found - 1.0) / a
