"""Tests of stochastic results: a stated level, and the smallest effect that the test could see.

Seeds are fixed, so a test passes or fails for good; the level says how often a correct program
would have been given a seed that fails. A check whose detectable effect is not stated says nothing
when it passes: ``z_test`` returns that effect, and a test asserts that it is small.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

LEVEL = 1e-6


def detectable(
    sd: ArrayLike, replicates: int, alpha: float = LEVEL, power: float = 0.99
) -> NDArray[np.float64]:
    """The smallest shift of a mean that a two-sided z-test finds with this power.

    ``sd`` is the standard deviation of one replicate, in its own units, any shape; the result has
    that shape. Normal approximation: ``(z_{1 - alpha/2} + z_power) sd / sqrt(R)``.
    """
    factor = ndtri(1 - alpha / 2) + ndtri(power)
    return np.asarray(np.asarray(sd, float) * factor / np.sqrt(replicates), float)


def z_test(values: ArrayLike, expected: ArrayLike, alpha: float = LEVEL) -> NDArray[np.float64]:
    """Asserts that the mean over the leading axis of ``values`` ``[R, ...]`` is ``expected``.

    All entries are tested together at family-wise level ``alpha`` (Bonferroni). Returns the shifts
    that the test would have found with 99 % power, shaped like ``values[0]``.
    """
    values = np.asarray(values, float)
    expected = np.broadcast_to(np.asarray(expected, float), values.shape[1:])
    assert np.isfinite(values).all(), "some replicates are not finite"
    level = alpha / max(expected.size, 1)
    sd = values.std(axis=0, ddof=1)
    _judge(values.mean(axis=0) - expected, sd / np.sqrt(len(values)), level, expected)
    return detectable(sd, len(values), level)


def same_mean(left: ArrayLike, right: ArrayLike, alpha: float = LEVEL) -> NDArray[np.float64]:
    """Asserts that independent ``left`` ``[R, ...]`` and ``right`` ``[S, ...]`` have one mean.

    Level and result as in ``z_test``; the result is the detectable difference of the two means.
    """
    left, right = np.asarray(left, float), np.asarray(right, float)
    assert np.isfinite(left).all() and np.isfinite(right).all(), "some replicates are not finite"
    middle = right.mean(axis=0)
    level = alpha / max(middle.size, 1)
    se = np.sqrt(left.var(axis=0, ddof=1) / len(left) + right.var(axis=0, ddof=1) / len(right))
    _judge(left.mean(axis=0) - middle, se, level, middle)
    return detectable(se, 1, level)


def _judge(
    shift: NDArray[np.float64],
    se: NDArray[np.float64],
    level: float,
    expected: NDArray[np.float64],
) -> None:
    limit = float(ndtri(1 - level / 2))
    # Rounding can be all the spread there is (a statistic that is constant in theory).
    slack = 1e-12 * (1.0 + np.abs(expected))
    excess = np.abs(shift) - limit * se - slack
    if np.any(excess > 0):
        worst = np.unravel_index(int(np.argmax(excess)), excess.shape)
        raise AssertionError(
            f"entry {tuple(map(int, worst))}: mean {expected[worst] + shift[worst]:.8g}, expected "
            f"{expected[worst]:.8g}, standard error {se[worst]:.3g}: "
            f"{abs(shift[worst]) / max(se[worst], 1e-300):.1f} standard errors, limit {limit:.1f}"
        )
