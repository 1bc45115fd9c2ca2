"""Families whose models draw from the samples that they were fitted on.

Samples stay on the host, where the picks are made; what the density and the moments need of a pool
is summed up once, when the pool is made, and added to for as long as the rows allow it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurse.backend import Array, Arrays, Host, Runtime
from recurse.families.kde import Kde
from recurse.lowering import Numbers
from recurse.lowering.closed import ClosedForm
from recurse.lowering.measure import host_arrays
from recurse.lowering.pools import Bank, Batch, Merged, nested
from recurse.scenario import Arm
from recurse.schedule import Pool, Row

_CHUNK = 1 << 18  # kernels evaluated at once: 2 MB, which stays in the cache


class Memory:
    """The samples that the last model or a later row needs, and the sums over pools."""

    def __init__(self, bank: Bank, sums: Merged | None) -> None:
        """``sums``: how pools add up; None where a fit has to look at its samples anew."""
        self._bank = bank
        self._sums = sums
        self._row = Row(-1, 0, 0, ())

    def add(self, pool: Pool, value: tuple[Host, Arrays]) -> None:
        batch, statistics = value
        self._bank.add(pool, batch)
        if self._sums is not None:
            self._sums.add(pool, statistics)

    def gather(self, row: Row) -> Any:
        """The statistics of a row; its samples and weights where nothing adds up."""
        self._row = row
        return self._bank.gather(row) if self._sums is None else self._sums.gather(row)

    def forget(self, following: Row | None) -> None:
        if self._sums is not None:
            self._sums.forget(following)
        self._bank.forget(following and self._needed(following))

    def pack(self) -> Batch:
        packed = {f"samples/{name}": values for name, values in self._bank.pack().items()}
        if self._sums is not None:
            packed |= {f"sums/{name}": values for name, values in self._sums.pack().items()}
        return packed

    def unpack(self, arrays: Host) -> None:
        for part, pools in (("samples/", self._bank), ("sums/", self._sums)):
            if pools is not None:
                chosen = {k[len(part) :]: v for k, v in arrays.items() if k.startswith(part)}
                pools.unpack(chosen)

    def resume(self, row: Row, following: Row) -> bool:
        """After ``unpack``: the model of ``row`` can be drawn from and ``following`` be fitted."""
        self._row = row
        whole = self._bank.resume(row, self._needed(following))
        return whole and (self._sums is None or self._sums.resume(row, following))

    def _needed(self, following: Row) -> Row:
        return Row(following.generation, 0, 0, self._row.uses + following.uses)

    def pick(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Samples of the last model's training set by uniform numbers ``[R, n]``: ``[R, n, d]``.

        Each is picked with a probability that is its share of the weight.
        """
        row, bank = self._row, self._bank
        even = all(use.weight == row.uses[0].weight for use in row.uses)
        if "weight" in bank.fields or (row.budget is not None and not even):
            batch, weights = bank.gather(row)
            places = _weighed(weights * batch.get("weight", 1.0), u)
            return np.take_along_axis(batch["x"], places[..., None], axis=1)
        mass = np.array([use.take * use.weight for use in row.uses])
        ends = np.cumsum(mass)
        if row.budget is not None:
            places = np.minimum((u * row.budget).astype(np.int64), row.budget - 1)
            order = np.take_along_axis(bank.picks(row), places, axis=1)
            use = np.searchsorted(ends, (order + 0.5) * row.uses[0].weight, side="right")
            inside = order - np.cumsum([0, *(each.take for each in row.uses)])[use]
        else:
            at = u * ends[-1]
            use = np.minimum(np.searchsorted(ends, at, side="right"), len(ends) - 1)
            weights = np.array([each.weight for each in row.uses])[use]
            inside = ((at - (ends - mass)[use]) / weights).astype(np.int64)
            inside = np.clip(inside, 0, np.array([each.take for each in row.uses])[use] - 1)
        starts = np.array([bank.start(each.pool) for each in row.uses])
        picked: NDArray[np.float64] = bank.taken(starts[use] + inside)["x"]
        return picked


def _weighed(weights: NDArray[np.float64], u: NDArray[np.float64]) -> NDArray[np.int64]:
    """Places ``[R, k]`` by weights ``[R, n]``: one search, row r shifted to between r and r + 1.

    A weight of 0 is never picked; probabilities are exact to 1e-9.
    """
    ends = np.cumsum(weights, axis=1)
    rows = np.arange(len(u))[:, None]
    ends = rows + ends / ends[:, -1:]
    found = np.searchsorted(ends.ravel(), (rows + u * (1.0 - 1e-9)).ravel(), side="right")
    return np.asarray(found.reshape(u.shape) - rows * weights.shape[1], dtype=np.int64)


class Remembered(ClosedForm):
    """A block of kernel density estimates."""

    pools: Memory

    def __init__(self, arm: Arm, seeds: tuple[int, ...], runtime: Runtime) -> None:
        super().__init__(arm, seeds, runtime, exact=False)
        assert isinstance(self._family, Kde)
        self._kde = self._family
        self._additive = self._kde.additive and not self._banked
        sums = Merged(self._merge, self._scale, nested(arm.schedule), runtime)
        bank = Bank(self._streams, compact=True)
        self.pools = Memory(bank, sums if self._additive else None)
        self._at = self._points(len(seeds))
        self._truth: Array = None
        if "total_variation" in self._meter.quantities:
            density = self._source.log_density(host_arrays(runtime, {"x": self._at})["x"])
            self._truth = runtime.array(np.asarray(density, dtype=np.float64))

    def fit(self, generation: int, data: Any, previous: Arrays | None) -> tuple[Arrays, Numbers]:
        if not self._additive:
            batch, weights = data
            data = self._summed(batch, weights * batch.get("weight", 1.0))
        return self._correction.adjust(self._call("estimate", data), previous), {}

    def measure(self, generation: int, params: Arrays) -> Numbers:
        samples: Arrays = {}
        if count := self._meter.samples:
            samples = self._samples(generation, "evaluation", params, count)
        quantities = {}
        if "log_prob" in self._meter.quantities:
            quantities["log_prob"] = self._call("evaluate", self._source, params, {})
        if self._truth is not None:
            quantities["total_variation"] = self._call("distance", params, self._truth)
        return self._meter.measure(params, samples, quantities)

    def _points(self, replicates: int) -> Array:
        """Held-out points for every replicate, ``[R, m, d]``; None if no metric wants them."""
        if not self._meter.quantities:
            return None
        x = np.asarray(self._meter.heldout["x"], dtype=np.float64)
        return self._runtime.array(np.broadcast_to(x, (replicates, *x.shape[-2:])))

    def _pool(self, batch: Arrays) -> tuple[Host, Arrays]:
        kept = host_arrays(self._runtime, batch)
        if not self._additive:
            return kept, {}
        ones = np.ones(kept["x"].shape[:2])
        return kept, self._summed(kept, kept.get("weight", ones))

    def _summed(self, batch: Host, weights: NDArray[np.float64]) -> Arrays:
        """Moments of samples, and kernel sums where a metric looks at the density."""
        put, x = self._runtime.array, batch["x"]
        found: dict[str, Array] = {}
        h: Array = None
        for part in self._parts(x.shape):
            piece, weight = _padded(x[:, part], part), _padded(weights[:, part], part)
            if h is None:
                total = weights.sum(axis=1)
                h = put(np.asarray(self._kde.width(total, x.shape[2])))
            arrays = {"x": put(piece)}, put(weight)
            summed = dict(self._call("statistics", *arrays))
            if self._at is not None:
                kernels = self._call("kernels", arrays[0]["x"], arrays[1], self._at, h)
                summed["log_kernels"] = kernels
            found = summed if not found else dict(self._merge(found, summed))
        return found

    def _parts(self, shape: tuple[int, ...]) -> Iterator[slice]:
        """Stretches of the samples: all of one length, so that one program serves them."""
        points = 1 if self._at is None else self._at.shape[1]
        length = min(max(1, _CHUNK // (shape[0] * points)), shape[1])
        return (slice(start, start + length) for start in range(0, shape[1], length))

    def _samples(self, generation: int, purpose: str, params: Arrays, n: int) -> Arrays:
        drawn = self._streams.draws(generation, purpose, self._kde.noise(self._source, n))
        picks = drawn.pop("pick").astype(np.float64, copy=False)
        design, noise = self._put({"centre": self.pools.pick(picks)}), self._put(drawn)
        found: Arrays = self._call("sample", self._source, params, noise, design)
        return found


def _padded(values: NDArray[np.float64], part: slice) -> NDArray[np.float64]:
    """A stretch filled up with zeros to its full length."""
    missing = part.stop - part.start - values.shape[1]
    if not missing:
        return np.ascontiguousarray(values)
    return np.pad(values, [(0, 0), (0, missing), *[(0, 0)] * (values.ndim - 2)])
