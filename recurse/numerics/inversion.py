"""Counts by inversion: one uniform number makes one count, so that like means get like counts.

Arms of a matrix share their uniform numbers (a seed names them, not an arm). What is drawn by
inversion then differs between two arms only as far as their models do, and a paired comparison of
arms sees differences of a few thousandths with some hundred seeds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recurse.numerics.streams import Given, counts

Floats = NDArray[np.float64]

LARGEST = 30.0
"""The largest mean that is inverted; the search takes about as many steps as the mean."""
_CACHE = 1 << 14  # numbers that are searched together


def poisson_quantile(u: Floats, mean: Floats) -> Floats:
    """The least k with ``u < P(X <= k)``, X Poisson, for means up to ``LARGEST``; any shape.

    Sequential search (Devroye, Non-Uniform Random Variate Generation, 1986, section X.3.3).
    """
    parts = range(0, u.size, _CACHE)
    flat = [(u.ravel()[i : i + _CACHE], mean.ravel()[i : i + _CACHE]) for i in parts]
    return np.concatenate([_searched(*part) for part in flat]).reshape(u.shape)


def _searched(u: Floats, mean: Floats) -> Floats:
    """Quantiles ``[n]`` of a part that stays in the cache."""
    found = np.zeros(len(u))
    places = np.arange(len(u))
    term = np.exp(-mean)
    total, k = term.copy(), 0
    while True:
        # A term that no longer changes the sum ends the search: rounding may keep it below u.
        on = np.flatnonzero((total <= u) & (total + term > total))
        if not len(on):
            return found
        places, u, mean, term, total = places[on], u[on], mean[on], term[on], total[on]
        k += 1
        found[places] = k
        term *= mean / k
        total += term


def inverted_counts(means: Floats, u: Floats) -> Given:
    """Poisson numbers of each replicate's means by its uniform numbers, both ``[R, n]``.

    Means above ``LARGEST`` get draws of their own. NaN where the mean is none or above 1e15.
    """
    small = means <= LARGEST
    inverted = poisson_quantile(u, np.where(small, means, 0.0))
    rest = counts(np.where(small, 0.0, means))
    return lambda generator, replicate: inverted[replicate] + rest(generator, replicate)
