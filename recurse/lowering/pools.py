"""Two ways to keep earlier data: merged statistics where pools are used whole, else the samples."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from recurse.backend import Runtime
from recurse.lowering.contents import Sums, batch_of, flat, flat_sums, sums_of
from recurse.numerics.arrays import Batch, Fields, Host
from recurse.numerics.streams import Integers, Streams, Subset
from recurse.schedule import Pool, Row, Schedule, Use

_HORIZON = 8
_ABSENT = -1


def ahead(schedule: Schedule) -> Schedule:
    """The schedule, at least eight generations long.

    A longer run extends a shorter one, so what is decided from the rows must not depend on where
    the run stops; a policy shows in its first rows whether it uses pools in part.
    """
    return replace(schedule, generations=max(schedule.generations, _HORIZON))


@lru_cache(maxsize=256)
def in_part(schedule: Schedule) -> str | None:
    """The reason why statistics cannot stand for pools (a row uses one in part), or None."""
    rows = ahead(schedule)
    sizes = np.zeros(2 * len(rows), dtype=np.int64)
    before = Row(-1, 0, 0, ())
    for row in rows:
        g = row.generation
        sizes[2 * g : 2 * g + 2] = row.synthesise if g else schedule.real, row.fresh
        if row.budget is not None:
            return f"generation {g} draws a subsample"
        new = row.beyond(before)
        for run in row.runs if new is None else new:
            part = np.flatnonzero(sizes[run.numbers] != run.take)
            if len(part):
                pool = run.pool._replace(born=run.pool.born + int(part[0]))
                return f"generation {g} uses a part of {pool}"
        before = row
    return None


@lru_cache(maxsize=256)
def nested(schedule: Schedule) -> bool:
    """True if every row extends the one before, so that a running total is all that is needed."""
    return all(after.beyond(before) is not None for before, after in pairwise(ahead(schedule)))


class Merged:
    """Pools as sufficient statistics; extending the last row costs one merge per new pool."""

    def __init__(
        self,
        merge: Callable[[Sums, Sums], Sums],
        scale: Callable[[Sums, float], Sums],
        running: bool,
        runtime: Runtime,
    ) -> None:
        self._merge = merge
        self._scale = scale
        self._runtime = runtime
        self._running = running
        self._held: dict[Pool, Sums] = {}
        self._total: Sums | None = None
        self._row = Row(-1, 0, 0, ())

    def add(self, pool: Pool, value: Sums) -> None:
        self._held[pool] = value

    def gather(self, row: Row) -> Sums:
        new = row.beyond(self._row)
        if new is None:
            self._total, new = None, row.runs
        for run in new:
            for use in run.each():
                part = self._weighed(use)
                self._total = part if self._total is None else self._merge(self._total, part)
        self._row = row
        assert self._total is not None, "a row names a pool or more"
        return self._total

    def _weighed(self, use: Use) -> Sums:
        held = self._held[use.pool]
        return held if use.weight == 1.0 else self._scale(held, use.weight)

    def forget(self, following: Row | None) -> None:
        if self._running:
            self._held.clear()
        elif following is not None:
            alive = {use.pool for use in following.uses}
            self._held = {pool: held for pool, held in self._held.items() if pool in alive}

    def pack(self) -> Fields:
        held = {f"{pool.kind}/{pool.born}": sums for pool, sums in self._held.items()}
        if self._running and self._total is not None:
            held["total/0"] = self._total
        return {
            f"{place}/{name}": self._runtime.host(array)
            for place, sums in held.items()
            for name, array in flat_sums(sums).items()
        }

    def unpack(self, arrays: Host) -> None:
        for (kind, born), packed in _by_pool(arrays).items():
            sums = sums_of({name: self._runtime.array(values) for name, values in packed.items()})
            if kind == "total":
                self._total = sums
            else:
                self._held[Pool(kind, born)] = sums  # type: ignore[arg-type]

    def resume(self, row: Row, following: Row) -> bool:
        """After ``unpack``: the running total, where there is one, stands for this row."""
        if self._running:
            self._row = row
            return self._total is not None
        return _complete(self._held, row, following)


class Bank:
    """Pools as samples on the host, side by side in one array that grows by doubling."""

    def __init__(self, streams: Streams, compact: bool) -> None:
        """``compact``: hand out only the samples of a row, for families that know no weights."""
        self._streams = streams
        self._compact = compact
        self._slots: dict[Pool, slice] = {}
        self._starts = np.full(16, _ABSENT)
        """The place where a pool begins, by its number."""
        self._arrays: Fields = {}
        self._end = 0

    def add(self, pool: Pool, value: Batch) -> None:
        self._add(pool, flat(value))

    def _add(self, pool: Pool, value: Host) -> None:
        count = next(iter(value.values())).shape[1]
        self._reserve(value, self._end + count)
        self._slots[pool] = slice(self._end, self._end + count)
        if pool.number >= len(self._starts):
            self._starts = np.pad(self._starts, (0, pool.number + 1), constant_values=_ABSENT)
        self._starts[pool.number] = self._end
        self._end += count
        for name, values in value.items():
            self._arrays[name][:, self._slots[pool]] = values

    def gather(self, row: Row) -> tuple[Batch, NDArray[np.float64]]:
        """Samples ``[R, n, ...]`` and their weights ``[R, n]``; n may exceed what the row uses.

        Whole arrays with weight zero for what is not used cost no copy, and their size changes
        only when they double: a program compiled for it serves many generations.
        """
        replicates = len(self._streams.seeds)
        index = np.concatenate([self._places(run) for run in row.runs])
        weights = np.concatenate([np.full(r.take * r.length, r.weight) for r in row.runs])
        if row.budget is not None:
            picked = self.picks(row)
            return self.taken(index[picked]), weights[picked]
        if self._compact:
            return self.taken(index), np.broadcast_to(weights, (replicates, len(weights)))
        spread = np.zeros(next(iter(self._arrays.values())).shape[1])
        spread[index] = weights
        return batch_of(self._arrays), np.broadcast_to(spread, (replicates, len(spread)))

    def forget(self, following: Row | None) -> None:
        if following is None:
            return
        dead = self._starts != _ABSENT
        for run in following.runs:
            dead[run.numbers] = False
        if not dead.any():
            return
        kept = {pool: place for pool, place in self._slots.items() if not dead[pool.number]}
        # No holes: the layout, and with it the order of every sum, follows from what is held.
        held = [(pool, self._cut(place)) for pool, place in kept.items()]
        self._slots, self._arrays, self._end = {}, {}, 0
        self._starts[:] = _ABSENT
        for pool, value in held:
            self._add(pool, value)

    def pack(self) -> Fields:
        return {
            f"{pool.kind}/{pool.born}/{name}": values
            for pool, place in self._slots.items()
            for name, values in self._cut(place).items()
        }

    def unpack(self, arrays: Host) -> None:
        found = {Pool(*place): packed for place, packed in _by_pool(arrays).items()}  # type: ignore[arg-type]
        # In the order in which they were born, as in a run that was never stopped.
        for pool in sorted(found, key=lambda pool: (pool.born, pool.kind != "synthetic")):
            self._add(pool, found[pool])

    def resume(self, row: Row, following: Row) -> bool:
        """After ``unpack``: True if all that is needed is there."""
        return _complete(self._slots, row, following)

    def starts(self, run: Use) -> NDArray[np.int64]:
        """The places where the pools of a run begin."""
        found = self._starts[run.numbers]
        assert len(found) == run.length and found.min() != _ABSENT, run
        return found

    @property
    def weighed(self) -> bool:
        """True if samples have weights of their own."""
        return "weight" in self._arrays

    def picks(self, row: Row) -> NDArray[np.int64]:
        """The samples of the row that each replicate sees, by place: ``[R, budget]``."""
        assert row.budget is not None
        request = (
            Integers(row.pooled, (row.budget,))
            if row.replacement
            else Subset(row.pooled, row.budget)
        )
        return self._streams.draw(row.generation, "subsample", request).astype(np.int64)

    def taken(self, index: NDArray[np.int64]) -> Batch:
        """Samples by their place in the bank, ``[n]`` or ``[R, n]``."""
        if index.ndim == 1:
            return batch_of({name: values[:, index] for name, values in self._arrays.items()})
        rows = np.arange(len(index))[:, None]
        return batch_of({name: values[rows, index] for name, values in self._arrays.items()})

    def _places(self, run: Use) -> NDArray[np.int64]:
        """The places of the samples of a run of pools."""
        found: NDArray[np.int64] = (self.starts(run)[:, None] + np.arange(run.take)).ravel()
        return found

    def _cut(self, place: slice) -> Fields:
        return {name: values[:, place].copy() for name, values in self._arrays.items()}

    def _reserve(self, like: Host, size: int) -> None:
        """Room for ``size`` samples."""
        for name, values in like.items():
            held = self._arrays.get(name)
            if held is not None and held.shape[1] >= size:
                continue
            capacity = 1 << (size - 1).bit_length()
            grown = np.zeros((values.shape[0], capacity, *values.shape[2:]), values.dtype)
            if held is not None:
                grown[:, : held.shape[1]] = held
            self._arrays[name] = grown


def _by_pool(arrays: Host) -> dict[tuple[str, int], Fields]:
    """Packed arrays by the kind and the generation of their pool; others are left out."""
    found: dict[tuple[str, int], Fields] = {}
    for path, array in arrays.items():
        kind, born, name = path.split("/", 2)
        found.setdefault((kind, int(born)), {})[name] = array
    return found


def _complete(held: Collection[Pool], row: Row, following: Row) -> bool:
    return all(use.pool in held for use in following.uses if use.pool.born <= row.generation)
