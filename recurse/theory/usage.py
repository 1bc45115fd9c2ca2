"""A schedule as arrays: the share of each pool that a fit sees, and the part needed later."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurse.schedule import REAL, Row, Schedule, Use

Ints = NDArray[np.int64]
REAL_CODE = REAL.number
"""Pools go by their numbers: real 0, ``synthetic[g]`` 2g, ``fresh[g]`` 2g + 1."""
_NEVER = -1
_NONE = np.zeros(0, dtype=np.int64)


class Unreadable(ValueError):
    """A schedule in which a fit has no data, or a row names a pool twice."""


def is_synthetic(pools: Ints) -> NDArray[np.bool_]:
    """True for numbers that stand for synthetic pools."""
    return np.asarray((pools > 0) & (pools % 2 == 0), dtype=np.bool_)


@dataclass(frozen=True, eq=False)
class Runs:
    """Pools in runs of one kind and like use, one entry per run: synthetic ones, then fresh ones,
    each by birth; the real pool counts as the synthetic one of generation 0.
    """

    starts: Ints
    """The first pool of the run; it is ``counts`` pools long, every second number."""
    counts: Ints
    takes: Ints
    weights: NDArray[np.float64]

    @cached_property
    def single(self) -> bool:
        """True if no run is longer than one pool."""
        return bool(self.counts.max() == 1)

    @property
    def pools(self) -> Ints:
        """The numbers of all pools."""
        if self.single:
            return self.starts
        ends = np.cumsum(self.counts)
        place = np.arange(ends[-1]) - np.repeat(ends - self.counts, self.counts)
        return np.asarray(np.repeat(self.starts, self.counts) + 2 * place, dtype=np.int64)

    def __getitem__(self, values: Any) -> Any:
        """Values by run as values by pool."""
        return values if self.single else np.repeat(values, self.counts)

    def place(self, pools: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        """The run that each of some pools is in, and True for those that are in one at all."""
        starts, wanted = _by_kind(self.starts), _by_kind(pools)
        place = np.maximum(np.searchsorted(starts, wanted, side="right") - 1, 0)
        stops = starts + 2 * self.counts
        return place, (starts[place] <= wanted) & (wanted < stops[place])


@dataclass(frozen=True, eq=False)
class Portion:
    """The data of one fit, and the part that becomes unused after it.

    Only the first ``keep`` samples of each pool in ``less`` are needed later; pools in ``alike``
    are from now on used like the pool of their kind born before them.
    """

    runs: Runs
    budget: int | None
    replacement: bool
    less: Ints
    keep: Ints
    alike: Ints

    @property
    def pools(self) -> Ints:
        """The numbers of the pools."""
        return self.runs.pools

    @property
    def takes(self) -> Ints:
        """Samples used of each pool."""
        found: Ints = self.runs[self.runs.takes]
        return found

    @property
    def weights(self) -> NDArray[np.float64]:
        """The weight of a sample of each pool."""
        found: NDArray[np.float64] = self.runs[self.runs.weights]
        return found

    @cached_property
    def pooled(self) -> int:
        """Samples before a budget is applied."""
        return int(self.runs.takes @ self.runs.counts)

    @property
    def size(self) -> int:
        """Samples that the fit sees."""
        return self.pooled if self.budget is None else self.budget

    @property
    def weight(self) -> float:
        """The total weight; with a budget over samples of uneven weight, on average."""
        whole = float((self.runs.takes * self.runs.counts) @ self.runs.weights)
        return whole * (self.size / self.pooled)

    @property
    def even(self) -> bool:
        """True if all samples have the same weight."""
        return bool(np.all(self.runs.weights == self.runs.weights[0]))

    def of(self, pools: Ints) -> tuple[Ints, NDArray[np.float64]]:
        """The number of samples used of each of some pools and the weight of one, or 0 and 0."""
        place, used = self.runs.place(pools)
        return self.runs.takes[place] * used, self.runs.weights[place] * used

    def left(self, pools: Ints, extent: Ints) -> Ints:
        """The number of the first ``extent`` samples of some pools that a later fit still uses."""
        if not len(self.less):
            return extent
        less = _by_kind(self.less)
        place = np.minimum(np.searchsorted(less, _by_kind(pools)), len(less) - 1)
        found = np.where(self.less[place] == pools, np.minimum(self.keep[place], extent), extent)
        return np.asarray(found, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Usage:
    """All fits of a schedule.

    ``needed`` is the largest prefix of each pool that is ever used; ``alive`` the largest number of
    pools that at one time exist, are still to be used, and not yet ``alike``.
    """

    fits: tuple[Portion, ...]
    needed: Ints
    alive: int

    def in_copies_of(self, count: int) -> Usage:
        """The usage with ``count`` samples as the unit.

        Raises:
            ValueError: a count is not a multiple.
        """
        if any(np.any(fit.runs.takes % count) for fit in self.fits):
            raise ValueError(f"a pool is used in part: counts are not multiples of {count}")
        fits = []
        for fit in self.fits:
            runs = replace(fit.runs, takes=fit.runs.takes // count)
            fits.append(replace(fit, runs=runs, keep=fit.keep // count))
        return Usage(tuple(fits), self.needed // count, self.alive)


@lru_cache(maxsize=32)
def usage(schedule: Schedule) -> Usage:
    """The usage of a schedule, whose rows are each read once.

    Raises:
        Unreadable: a fit without data, or a pool named twice by one row.
    """
    rows = list(schedule)
    runs = [_runs(row) for row in rows]
    future = _Future(len(rows))
    ends = []
    following: Row | None = None
    for g, row in reversed(list(enumerate(rows))):
        same = following is not None and following.beyond(row) is not None
        ends.append(future.use(g, runs[g], same))
        following = row
    alike, alive = future.alike()
    fits = [
        Portion(used, row.budget, row.replacement, *end, alike.get(g, _NONE))
        for g, (row, used, end) in enumerate(zip(rows, runs, reversed(ends), strict=True))
    ]
    return Usage(tuple(fits), future.needed, alive)


class _Future:
    """The use of each pool by later fits, found by reading the fits backwards."""

    def __init__(self, fits: int) -> None:
        pools = 2 * fits + 2
        self.needed = np.zeros(pools, dtype=np.int64)
        self._born = np.arange(pools) // 2
        self._last = np.full(pools, _NEVER)
        """The last fit that uses a pool, and how much of it."""
        self._final = np.zeros(pools, dtype=np.int64)
        self._odd = np.full(pools, _NEVER)
        """The last fit that uses a pool otherwise than its neighbour, or than later fits do."""

    def use(self, g: int, runs: Runs, same: bool) -> tuple[Ints, Ints]:
        """The pools that no later fit uses as much of, and the amount needed later.

        ``same``: the next fit uses all of this in the same way.
        """
        self._mark(runs.starts, g)
        self._mark(runs.starts + 2 * runs.counts, g)
        if same:
            return _NONE, _NONE
        pools, takes = runs.pools, runs[runs.takes]
        new = self._last[pools] == _NEVER
        self._last[pools[new]], self._final[pools[new]] = g, takes[new]
        self._mark(pools[self._final[pools] != takes], g)
        needed = self.needed[pools]
        more = needed < takes
        less = pools[more]
        self.needed[less] = takes[more]
        return less, needed[more]

    def _mark(self, pools: Ints, g: int) -> None:
        self._odd[pools] = np.maximum(self._odd[pools], g)

    def alike(self) -> tuple[dict[int, Ints], int]:
        """The pools, by fit, that no later fit tells from their neighbours while they are used;
        and the largest number of pools that some fit has to tell apart.
        """
        since = np.maximum(self._odd, self._born)
        neighbour = np.append([0, 0], self.needed[:-2])
        joined = (neighbour > 0) & (since < self._last)
        pools = np.flatnonzero(joined)
        pools = pools[np.argsort(since[pools], kind="stable")]
        fits, starts = np.unique(since[pools], return_index=True)
        used = self.needed > 0
        change = np.zeros(len(used) + 1, dtype=np.int64)
        np.add.at(change, self._born[used], 1)
        np.add.at(change, np.where(joined, since, self._last)[used] + 1, -1)
        grouped = np.split(pools, starts[1:])
        return dict(zip(fits.tolist(), grouped, strict=False)), int(np.cumsum(change).max())


def _runs(row: Row) -> Runs:
    runs = sorted((run for run in row.runs if run.take and run.weight), key=_order)
    if not runs:
        raise Unreadable(f"generation {row.generation} is fitted on nothing")
    starts = np.array([run.pool.number for run in runs])
    counts = np.array([run.length for run in runs])
    keys = _by_kind(starts)
    if np.any(keys[1:] < (keys + 2 * counts)[:-1]):
        raise Unreadable(f"generation {row.generation} names one pool twice")
    takes, weights = [run.take for run in runs], [float(run.weight) for run in runs]
    return Runs(starts, counts, np.array(takes), np.array(weights))


def _order(run: Use) -> tuple[bool, int]:
    return run.pool.kind == "fresh", run.pool.born


def _by_kind(pools: Ints) -> Ints:
    """Numbers in the order of ``Runs``."""
    return pools + (pools % 2) * 2**40
