"""Two ways to keep earlier data: merged statistics where pools are used whole, else the samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurse.backend import Arrays, Host, Runtime, stack
from recurse.schedule import Pool, Row, Schedule, Use
from recurse.streams import Integers, Streams, Subset

Batch = dict[str, NDArray[Any]]


def whole(schedule: Schedule) -> str | None:
    """Why pools cannot be summed up by their statistics: a row that uses one in part, or None."""
    sizes = {Pool("real"): schedule.real}
    for row in schedule:
        sizes[Pool("synthetic", row.generation)] = row.synthesise
        sizes[Pool("fresh", row.generation)] = row.fresh
        if row.budget is not None:
            return f"generation {row.generation} draws a subsample"
        for use in row.uses:
            if use.take != sizes[use.pool] or use.weight != 1.0:
                return f"generation {row.generation} uses a part of {use.pool}"
    return None


def nested(schedule: Schedule) -> bool:
    """Whether every row extends the one before, so that a running total is all that is needed."""
    before: tuple[Use, ...] = ()
    for row in schedule:
        if row.uses[: len(before)] != before:
            return False
        before = row.uses
    return True


class Merged:
    """Pools as sufficient statistics; a row that extends the last one costs one merge per new pool."""

    def __init__(
        self, merge: Callable[[Arrays, Arrays], Arrays], running: bool, runtime: Runtime
    ) -> None:
        self._merge = merge
        self._runtime = runtime
        self._running = running
        self._held: dict[Pool, Arrays] = {}
        self._total: Arrays = {}
        self._uses: tuple[Use, ...] = ()

    def add(self, pool: Pool, value: Arrays) -> None:
        self._held[pool] = value

    def gather(self, row: Row) -> Arrays:
        if not self._uses or row.uses[: len(self._uses)] != self._uses:
            self._total, self._uses = self._held[row.uses[0].pool], row.uses[:1]
        for use in row.uses[len(self._uses) :]:
            self._total = self._merge(self._total, self._held[use.pool])
        self._uses = row.uses
        return self._total

    def forget(self, following: Row | None) -> None:
        if self._running:
            self._held.clear()
        elif following is not None:
            alive = {use.pool for use in following.uses}
            self._held = {pool: held for pool, held in self._held.items() if pool in alive}

    def pack(self) -> Batch:
        packed = {f"{p.kind}/{p.born}/{k}": v for p, held in self._held.items() for k, v in held.items()}
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

    def resume(self, row: Row) -> None:
        """After ``unpack``: the running total stands for this row."""
        if self._running:
            self._uses = row.uses


class Bank:
    """Pools as samples on the host; gathers prefixes and random subsets."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._held: dict[Pool, Batch] = {}

    def add(self, pool: Pool, value: Batch) -> None:
        self._held[pool] = value

    def gather(self, row: Row) -> tuple[Batch, NDArray[np.float64]]:
        """The samples ``[R, size, ...]`` and their weights ``[R, size]``."""
        taken = [{k: v[:, : use.take] for k, v in self._held[use.pool].items()} for use in row.uses]
        batch = stack(taken)
        weights = np.concatenate([np.full(use.take, use.weight) for use in row.uses])
        if row.budget is None:
            return batch, np.broadcast_to(weights, (len(self._streams.seeds), len(weights)))
        request = (
            Integers(row.pooled, (row.budget,)) if row.replacement else Subset(row.pooled, row.budget)
        )
        index = self._streams.draw(row.generation, "subsample", request)
        rows = np.arange(len(index))[:, None]
        return {name: values[rows, index] for name, values in batch.items()}, weights[index]

    def forget(self, following: Row | None) -> None:
        if following is not None:
            alive = {use.pool for use in following.uses}
            self._held = {pool: held for pool, held in self._held.items() if pool in alive}

    def pack(self) -> Batch:
        return {f"{p.kind}/{p.born}/{k}": v for p, held in self._held.items() for k, v in held.items()}

    def unpack(self, arrays: Host) -> None:
        for name, array in arrays.items():
            kind, born, key = name.split("/")
            self._held.setdefault(Pool(kind, int(born)), {})[key] = array  # type: ignore[arg-type]

    def resume(self, row: Row) -> None:
        """After ``unpack``: nothing more to restore."""
