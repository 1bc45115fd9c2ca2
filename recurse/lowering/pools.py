"""Two ways to keep earlier data: merged statistics where pools are used whole, else the samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurse.backend import Arrays, Host, Runtime
from recurse.schedule import Pool, Row, Schedule, Use
from recurse.streams import Integers, Streams, Subset

Batch = dict[str, NDArray[Any]]
_HORIZON = 8


def ahead(schedule: Schedule) -> Schedule:
    """The schedule, at least eight generations long.

    A longer run extends a shorter one, so what is decided from the rows must not depend on where
    the run stops; a policy shows in its first rows whether it uses pools in part.
    """
    return replace(schedule, generations=max(schedule.generations, _HORIZON))


@lru_cache(maxsize=256)
def whole(schedule: Schedule) -> str | None:
    """Why pools cannot be summed up by their statistics: a row that uses one in part, or None."""
    sizes = {Pool("real"): schedule.real}
    before: tuple[Use, ...] = ()
    for row in ahead(schedule):
        sizes[Pool("synthetic", row.generation)] = row.synthesise
        sizes[Pool("fresh", row.generation)] = row.fresh
        if row.budget is not None:
            return f"generation {row.generation} draws a subsample"
        same = len(before) if row.uses[: len(before)] == before else 0
        for use in row.uses[same:]:
            if use.take != sizes[use.pool]:
                return f"generation {row.generation} uses a part of {use.pool}"
        before = row.uses
    return None


@lru_cache(maxsize=256)
def nested(schedule: Schedule) -> bool:
    """Whether every row extends the one before, so that a running total is all that is needed."""
    before: tuple[Use, ...] = ()
    for row in ahead(schedule):
        if row.uses[: len(before)] != before:
            return False
        before = row.uses
    return True


class Merged:
    """Pools as sufficient statistics; extending the last row costs one merge per new pool."""

    def __init__(
        self,
        merge: Callable[[Arrays, Arrays], Arrays],
        scale: Callable[[Arrays, float], Arrays],
        running: bool,
        runtime: Runtime,
    ) -> None:
        self._merge = merge
        self._scale = scale
        self._runtime = runtime
        self._running = running
        self._held: dict[Pool, Arrays] = {}
        self._total: Arrays = {}
        self._uses: tuple[Use, ...] = ()

    def add(self, pool: Pool, value: Arrays) -> None:
        self._held[pool] = value

    def gather(self, row: Row) -> Arrays:
        if not self._uses or row.uses[: len(self._uses)] != self._uses:
            self._total, self._uses = self._weighed(row.uses[0]), row.uses[:1]
        for use in row.uses[len(self._uses) :]:
            self._total = self._merge(self._total, self._weighed(use))
        self._uses = row.uses
        return self._total

    def _weighed(self, use: Use) -> Arrays:
        held = self._held[use.pool]
        return held if use.weight == 1.0 else self._scale(held, use.weight)

    def forget(self, following: Row | None) -> None:
        if self._running:
            self._held.clear()
        elif following is not None:
            alive = {use.pool for use in following.uses}
            self._held = {pool: held for pool, held in self._held.items() if pool in alive}

    def pack(self) -> Batch:
        packed = {
            f"{p.kind}/{p.born}/{k}": v for p, held in self._held.items() for k, v in held.items()
        }
        if self._running:
            packed |= {f"total/0/{k}": v for k, v in self._total.items()}
        return {name: self._runtime.host(array) for name, array in packed.items()}

    def unpack(self, arrays: Host) -> None:
        for name, values in arrays.items():
            kind, born, key = name.split("/")
            array = self._runtime.array(values)
            if kind == "total":
                self._total = {**self._total, key: array}
            else:
                pool = Pool(kind, int(born))  # type: ignore[arg-type]
                self._held[pool] = {**self._held.get(pool, {}), key: array}

    def resume(self, row: Row, following: Row) -> bool:
        """After ``unpack``: the running total, where there is one, stands for this row."""
        if self._running:
            self._uses = row.uses
            return bool(self._total)
        return _complete(self._held, row, following)


class Bank:
    """Pools as samples on the host, side by side in one array that grows by doubling."""

    def __init__(self, streams: Streams, compact: bool) -> None:
        """``compact``: hand out only the samples of a row, for families that know no weights."""
        self._streams = streams
        self._compact = compact
        self._slots: dict[Pool, slice] = {}
        self._arrays: Batch = {}
        self._end = 0
        self._alive: tuple[Use, ...] = ()
        self._new: list[Pool] = []
        self._awaited: set[Pool] = set()
        self.moves = 0
        """How often samples have changed their places."""

    def add(self, pool: Pool, value: Host) -> None:
        count = next(iter(value.values())).shape[1]
        self._reserve(value, self._end + count)
        self._slots[pool] = slice(self._end, self._end + count)
        self._new.append(pool)
        self._end += count
        for name, values in value.items():
            self._arrays[name][:, self._slots[pool]] = values

    def gather(self, row: Row) -> tuple[Batch, NDArray[np.float64]]:
        """Samples ``[R, n, ...]`` and their weights ``[R, n]``; n may exceed what the row uses.

        Whole arrays with weight zero for what is not used cost no copy, and their size changes
        only when they double: a program compiled for it serves many generations.
        """
        replicates = len(self._streams.seeds)
        index = np.concatenate(
            [np.arange(use.take) + self._slots[use.pool].start for use in row.uses]
        )
        weights = np.concatenate([np.full(use.take, use.weight) for use in row.uses])
        if row.budget is not None:
            picked = self.picks(row)
            return self.taken(index[picked]), weights[picked]
        if self._compact:
            return self.taken(index), np.broadcast_to(weights, (replicates, len(weights)))
        spread = np.zeros(next(iter(self._arrays.values())).shape[1])
        spread[index] = weights
        return self._arrays, np.broadcast_to(spread, (replicates, len(spread)))

    def forget(self, following: Row | None) -> None:
        if following is None:
            return
        # A row that extends the last one can drop what has come since, no more.
        same = len(self._alive)
        extends = same > 0 and following.uses[:same] == self._alive
        alive = {use.pool for use in following.uses[same if extends else 0 :]}
        if extends:
            alive |= self._awaited
        candidates, self._new = self._new if extends else list(self._slots), []
        self._alive, self._awaited = following.uses, alive.difference(self._slots)
        if alive.issuperset(candidates):
            return
        gone = set(candidates) - alive
        kept = {pool: place for pool, place in self._slots.items() if pool not in gone}
        self.moves += 1
        # No holes: the layout, and with it the order of every sum, follows from what is held.
        held = [(pool, self._cut(place)) for pool, place in kept.items()]
        self._slots, self._arrays, self._end = {}, {}, 0
        for pool, value in held:
            self.add(pool, value)
        self._new = []

    def pack(self) -> Batch:
        return {
            f"{pool.kind}/{pool.born}/{name}": values
            for pool, place in self._slots.items()
            for name, values in self._cut(place).items()
        }

    def unpack(self, arrays: Host) -> None:
        found: dict[Pool, Batch] = {}
        for name, array in arrays.items():
            kind, born, key = name.split("/")
            found.setdefault(Pool(kind, int(born)), {})[key] = array  # type: ignore[arg-type]
        # In the order in which they were born, as in a run that was never stopped.
        for pool in sorted(found, key=lambda pool: (pool.born, pool.kind != "synthetic")):
            self.add(pool, found[pool])

    def resume(self, row: Row, following: Row) -> bool:
        """After ``unpack``: whether all that is needed is there."""
        return _complete(self._slots, row, following)

    def start(self, pool: Pool) -> int:
        """Where a pool begins."""
        return int(self._slots[pool].start)

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of what is kept of every sample."""
        return tuple(self._arrays)

    def picks(self, row: Row) -> NDArray[np.int64]:
        """Which of the row's samples each replicate sees: ``[R, budget]``."""
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
            return {name: values[:, index] for name, values in self._arrays.items()}
        rows = np.arange(len(index))[:, None]
        return {name: values[rows, index] for name, values in self._arrays.items()}

    def _cut(self, place: slice) -> Batch:
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


def _complete(held: Mapping[Pool, Any], row: Row, following: Row) -> bool:
    return all(use.pool in held for use in following.uses if use.pool.born <= row.generation)
