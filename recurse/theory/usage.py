"""A schedule as arrays: which share of which pool each fit sees, and how much is needed later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from recurse.schedule import Pool, Row, Schedule, Use

Ints = NDArray[np.int64]
REAL_CODE = 0
"""Pools are numbered: real 0, ``synthetic[g]`` 2g, ``fresh[g]`` 2g + 1."""


def code(pool: Pool) -> int:
    """The number of a pool."""
    return 2 * pool.born + (pool.kind == "fresh")


def is_synthetic(pools: Ints) -> NDArray[np.bool_]:
    """Which numbers stand for synthetic pools."""
    return np.asarray((pools > 0) & (pools % 2 == 0), dtype=np.bool_)


@dataclass(frozen=True, eq=False)
class Portion:
    """What one fit sees; ``keep`` is the largest prefix of each pool that a later fit uses."""

    pools: Ints
    takes: Ints
    weights: NDArray[np.float64]
    keep: Ints
    budget: int | None
    replacement: bool

    @property
    def pooled(self) -> int:
        """Samples before a budget is applied."""
        return int(self.takes.sum())

    @property
    def size(self) -> int:
        """Samples that the fit sees."""
        return self.pooled if self.budget is None else self.budget

    @property
    def even(self) -> bool:
        """Whether all samples have the same weight."""
        return bool(np.all(self.weights == self.weights[0]))


@dataclass(frozen=True, eq=False)
class Usage:
    """All fits of a schedule.

    ``needed`` is the largest prefix of each pool that is ever used, ``alive`` the largest number of
    pools that at one time exist and are still to be used.
    """

    fits: tuple[Portion, ...]
    needed: Ints
    alive: int

    def in_copies_of(self, count: int) -> Usage:
        """The same with ``count`` samples as the unit.

        Raises:
            ValueError: a count is not a multiple.
        """
        if any(np.any(fit.takes % count) for fit in self.fits):
            raise ValueError(f"a pool is used in part: counts are not multiples of {count}")
        fits = [
            Portion(f.pools, f.takes // count, f.weights, f.keep // count, f.budget, f.replacement)
            for f in self.fits
        ]
        return Usage(tuple(fits), self.needed // count, self.alive)


@lru_cache(maxsize=2)
def usage(schedule: Schedule) -> Usage:
    """Reads every row of a schedule once.

    Raises:
        ValueError: a fit without data, or a pool named twice by one row.
    """
    fits = tuple(_portion(row) for row in schedule)
    needed = np.zeros(2 * len(fits), dtype=np.int64)
    change = np.zeros(len(fits) + 1, dtype=np.int64)
    for g in reversed(range(len(fits))):
        fit = fits[g]
        fit.keep[:] = needed[fit.pools]
        needed[fit.pools] = np.maximum(fit.keep, fit.takes)
        change[g + 1] = -np.count_nonzero(fit.keep == 0)
    np.add.at(change, np.flatnonzero(needed) // 2, 1)
    return Usage(fits, needed, int(np.cumsum(change).max()))


def _portion(row: Row) -> Portion:
    uses: Sequence[Use] = [use for use in row.uses if use.take and use.weight]
    pools = np.array([code(use.pool) for use in uses], dtype=np.int64)
    if not len(pools):
        raise ValueError(f"generation {row.generation} is fitted on nothing")
    if len(np.unique(pools)) < len(pools):
        raise ValueError(f"generation {row.generation} names one pool twice")
    takes = np.array([use.take for use in uses], dtype=np.int64)
    weights = np.array([use.weight for use in uses], dtype=np.float64)
    return Portion(pools, takes, weights, np.zeros_like(pools), row.budget, row.replacement)
