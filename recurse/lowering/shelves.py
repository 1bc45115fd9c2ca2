"""Pools of a neural block: kept whole and read by place, so that accumulating copies nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recurse.lowering.contents import flat
from recurse.lowering.supervisor import Supervisor
from recurse.numerics.arrays import Batch, Fields, Host
from recurse.numerics.streams import Integers, Streams, Subset
from recurse.schedule import Pool, Row

_FIELDS, _WEIGHT = "fields/", "weight"


class Stretch(NamedTuple):
    """The first ``size`` samples of a pool, each with one weight."""

    pool: Fields
    """``fields/x``, and ``weight`` where samples have weights of their own: ``[R, n, ...]``."""
    size: int
    weight: float


class TrainingSet:
    """The samples that a row names, by their place; nothing is copied before it is asked for."""

    def __init__(self, stretches: Sequence[Stretch], picks: NDArray[np.int64] | None) -> None:
        """``picks [R, budget]``: the places that each replicate sees; None: all."""
        self._stretches = tuple(stretches)
        self._ends = np.cumsum([stretch.size for stretch in stretches])
        self._picks = picks
        self.size = int(self._ends[-1]) if picks is None else picks.shape[1]
        self._names = [name for name in self._stretches[0].pool if name != _WEIGHT]
        self._replicates = len(self._stretches[0].pool[self._names[0]])
        weighed = any(s.weight != 1.0 or _WEIGHT in s.pool for s in stretches)
        self._weights = self._weighed() if weighed else None

    def take(self, places: NDArray[np.int64]) -> Fields:
        """Samples at ``places [k, R, batch]``, by field ``[k, R, batch, ...]``.

        A field ``weight`` is among them if samples do not weigh the same: 1 on average over all.
        """
        first = self._stretches[0].pool
        found = {
            name: np.empty((*places.shape, *first[name].shape[2:]), first[name].dtype)
            for name in self._names
        }
        for replicate in range(places.shape[1]):
            own = self._own(replicate, places[:, replicate])
            which = np.searchsorted(self._ends, own, side="right")
            for number in np.unique(which):
                stretch, chosen = self._stretches[number], which == number
                inside = own[chosen] - (self._ends[number] - stretch.size)
                for name, values in found.items():
                    values[:, replicate][chosen] = stretch.pool[name][replicate][inside]
        fields = {name.removeprefix(_FIELDS): values for name, values in found.items()}
        if self._weights is not None:
            held = [w[self._own(r, places[:, r])] for r, w in enumerate(self._weights)]
            fields[_WEIGHT] = np.stack(held, axis=1).astype(np.float32)
        return fields

    def _own(self, replicate: int, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Places among the samples that a replicate sees, as places among all."""
        return places if self._picks is None else self._picks[replicate][places]

    def _weighed(self) -> list[NDArray[np.float64]]:
        """The weights of all samples for each replicate, ``[n]``: 1 on average where it looks."""
        found = []
        for replicate in range(self._replicates):
            parts = []
            for stretch in self._stretches:
                own = stretch.pool.get(_WEIGHT)
                held = np.ones(stretch.size) if own is None else own[replicate][: stretch.size]
                parts.append(stretch.weight * held)
            weights = np.concatenate(parts)
            with np.errstate(invalid="ignore"):  # without any weight: not a number, and it breaks
                found.append(weights / self._own_mean(replicate, weights))
        return found

    def _own_mean(self, replicate: int, weights: NDArray[np.float64]) -> float:
        seen = weights if self._picks is None else weights[self._picks[replicate]]
        return float(seen.mean())


class Shelves:
    """The pools of a block, each kept once by its supervisor."""

    def __init__(self, streams: Streams, supervisor: Supervisor) -> None:
        self._streams = streams
        self._supervisor = supervisor
        self._held: dict[Pool, tuple[str, Fields]] = {}

    def add(self, pool: Pool, value: Batch) -> None:
        self._held[pool] = self._supervisor.put(f"{pool.kind}-{pool.born}", flat(value))

    def gather(self, row: Row) -> TrainingSet:
        """The training set that a row names."""
        stretches = [
            Stretch(self._held[use.pool][1], use.take, use.weight)
            for run in row.runs
            for use in run.each()
        ]
        picks = None
        if row.budget is not None:
            request = (
                Integers(row.pooled, (row.budget,))
                if row.replacement
                else Subset(row.pooled, row.budget)
            )
            picks = self._streams.draw(row.generation, "subsample", request).astype(np.int64)
        return TrainingSet(stretches, picks)

    def forget(self, following: Row | None) -> None:
        if following is not None:
            alive = {use.pool for use in following.uses}
            self._held = {pool: held for pool, held in self._held.items() if pool in alive}
            self._supervisor.needed([name for name, _ in self._held.values()])

    def pack(self) -> dict[str, NDArray[Any]]:
        """The names of the pools, as arrays of characters' codes."""
        return {
            f"{pool.kind}/{pool.born}": np.frombuffer(name.encode(), dtype=np.uint8).copy()
            for pool, (name, _) in self._held.items()
        }

    def unpack(self, arrays: Host) -> None:
        for path, codes in arrays.items():
            kind, born = path.split("/")
            name = np.asarray(codes, dtype=np.uint8).tobytes().decode()
            if (fields := self._supervisor.get(name)) is not None:
                self._held[Pool(kind, int(born))] = (name, fields)  # type: ignore[arg-type]

    def resume(self, row: Row, following: Row) -> bool:
        """After ``unpack``: True if all that is needed is there."""
        return all(u.pool in self._held for u in following.uses if u.pool.born <= row.generation)
