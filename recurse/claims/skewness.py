"""The distance of the mean of few seeds from a normal law, and a t statistic that allows for it.

The mean of a skewed metric (a variance after some refits, a squared error) over R seeds has a
skewed law itself: a seed in the tail that was not drawn makes the mean too small and its standard
error too, so that t rejects a true law often. Hall's transformation (JRSS B 54, 1992) takes the
first-order effect of skewness off. It works while ``skewness / sqrt(R)`` is small; beyond, the
seeds at hand cannot tell, and a sample that missed the tail does not show it. So the skewness is
also read off the logarithms, whose spread few seeds do show. The rules were chosen by simulation
(tests/claims/test_skewness.py): at ``EDGE`` a level of 1 % for 20 generations together is kept to
within twice of it for products of chi-square factors and squared normal errors, from 10 seeds on,
where t gives up to 40 %.
"""

from __future__ import annotations

import numpy as np

from recurse.claims.inference import Array

EDGE = 0.5
"""The largest ``skewness / sqrt(R)`` at which a mean is judged."""
_FEW = 50  # seeds below which the skewness of logarithms says nothing
_LEFT = -0.7  # skewness of logarithms below which they are no guide: squares of small numbers
_Z90 = 1.2815515655446004


def edge(rows: Array) -> Array:
    """An upper estimate of ``skewness / sqrt(R)`` of values ``[K, R]``: ``[K]``; 0 without
    spread."""
    seeds = rows.shape[1]
    found = _sample(rows)
    positive = (rows > 0.0).all(axis=1)
    if positive.any():
        found[positive] = np.maximum(found[positive], _of_logarithms(rows[positive]))
    return np.asarray(found / np.sqrt(seeds))


def transformed(t: Array, edge: Array) -> Array:
    """Hall's monotone transformation of t ``[K]``: nearly normal where t is not."""
    with np.errstate(invalid="ignore", over="ignore"):
        found = t + edge * t**2 / 3.0 + edge**2 * t**3 / 27.0 + edge / 6.0
    # Without spread there is no skewness to correct, and a deviation of 0 stays 0.
    return np.asarray(np.where(np.isfinite(t) & (edge != 0.0), found, t))


def guarded(t: Array, edge: Array) -> Array:
    """The smaller of t and its transformation ``[K]``: a law is refused only where both refuse it.

    With few seeds the sample skewness is mostly noise, and the transformation would follow it.
    """
    found = transformed(t, edge)
    return np.asarray(np.where(np.abs(found) < np.abs(t), found, t))


def _sample(rows: Array) -> Array:
    centred = rows - rows.mean(axis=1, keepdims=True)
    spread = np.sqrt((centred**2).mean(axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (centred**3).mean(axis=1) / spread**3
    return np.asarray(np.where(np.isfinite(found), found, 0.0))


def _of_logarithms(rows: Array) -> Array:
    """The skewness of a log-normal law with the spread of the logarithms, ``[K]``.

    With few seeds, or where logarithms have a long lower tail: that of the upper half if smaller.
    """
    logs = np.log(rows)
    whole = _log_normal(logs.std(axis=1))
    middle, high = np.quantile(logs, [0.5, 0.9], axis=1)
    upper = _log_normal((high - middle) / _Z90)
    if rows.shape[1] < _FEW:
        return np.minimum(whole, upper)
    return np.where(_sample(logs) > _LEFT, whole, 0.0)


def _log_normal(sigma: Array) -> Array:
    """The skewness of ``exp(sigma Z)``; beyond a sigma of 5 it is as good as infinite."""
    w = np.exp(np.minimum(sigma, 5.0) ** 2)
    return np.asarray((w + 2.0) * np.sqrt(w - 1.0))
