"""Families whose models draw from the samples that they were fitted on.

Samples stay on the host, where the picks are made; what the density and the moments need of a pool
is summed up once, when the pool is made, and added to for as long as the rows allow it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurse.backend import Runtime
from recurse.families.roles import Remembering
from recurse.lowering import Numbers
from recurse.lowering.closed import ClosedForm
from recurse.lowering.contents import Sums
from recurse.lowering.measure import host_batch
from recurse.lowering.pools import Bank, Merged, nested
from recurse.numerics.arrays import Array, Arrays, Batch, Fields, Host
from recurse.scenario.scenario import Arm
from recurse.schedule import Pool, Row

_CHUNK = 1 << 18  # kernels evaluated at once: 2 MB, which stays in the cache


class Memory:
    """The samples that the last model or a later row needs, and the sums over pools."""

    def __init__(self, bank: Bank, sums: Merged | None) -> None:
        """``sums``: how pools add up; None where a fit has to look at its samples anew."""
        self._bank = bank
        self._sums = sums
        self._row = Row(-1, 0, 0, ())

    def add(self, pool: Pool, value: tuple[Batch, Sums | None]) -> None:
        batch, sums = value
        self._bank.add(pool, batch)
        if self._sums is not None and sums is not None:
            self._sums.add(pool, sums)

    def gather(self, row: Row) -> Any:
        """The statistics of a row; its samples and weights where nothing adds up."""
        self._row = row
        return self._bank.gather(row) if self._sums is None else self._sums.gather(row)

    def forget(self, following: Row | None) -> None:
        if self._sums is not None:
            self._sums.forget(following)
        self._bank.forget(following and self._needed(following))

    def pack(self) -> Fields:
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
        return Row(following.generation, 0, 0, self._row.runs + following.runs)

    def pick(self, u: NDArray[np.float64]) -> Arrays:
        """Samples of the last model's training set by uniform numbers ``[R, n]``.

        Each is picked with a probability that is its share of the weight.
        """
        row, bank = self._row, self._bank
        even = all(run.weight == row.runs[0].weight for run in row.runs)
        if bank.weighed or (row.budget is not None and not even):
            batch, weights = bank.gather(row)
            own = 1.0 if batch.weight is None else batch.weight
            places = _weighed(weights * own, u)
            rows = np.arange(len(u))[:, None]
            return {name: values[rows, places] for name, values in batch.fields.items()}
        lengths = [run.length for run in row.runs]
        take = np.repeat([run.take for run in row.runs], lengths)
        weight = np.repeat([float(run.weight) for run in row.runs], lengths)
        start = np.concatenate([bank.starts(run) for run in row.runs])
        mass = take * weight
        ends = np.cumsum(mass)
        if row.budget is not None:
            places = np.minimum((u * row.budget).astype(np.int64), row.budget - 1)
            order = np.take_along_axis(bank.picks(row), places, axis=1)
            use = np.searchsorted(ends, (order + 0.5) * weight[0], side="right")
            inside = order - (np.cumsum(take) - take)[use]
        else:
            at = u * ends[-1]
            use = np.minimum(np.searchsorted(ends, at, side="right"), len(ends) - 1)
            inside = ((at - (ends - mass)[use]) / weight[use]).astype(np.int64)
            inside = np.clip(inside, 0, take[use] - 1)
        return bank.taken(start[use] + inside).fields


def _weighed(weights: NDArray[np.float64], u: NDArray[np.float64]) -> NDArray[np.int64]:
    """Places ``[R, k]`` by weights ``[R, n]``: one search, row r shifted to between r and r + 1.

    A weight of 0 is never picked; probabilities are exact to 1e-9. A replicate that has no weight
    left has failed, and is handed any sample.
    """
    weights = np.where(weights.sum(axis=1, keepdims=True) > 0.0, weights, 1.0)
    ends = np.cumsum(weights, axis=1)
    rows = np.arange(len(u))[:, None]
    ends = rows + ends / ends[:, -1:]
    found = np.searchsorted(ends.ravel(), (rows + u * (1.0 - 1e-9)).ravel(), side="right")
    return np.asarray(found.reshape(u.shape) - rows * weights.shape[1], dtype=np.int64)


class Remembered(ClosedForm):
    """A block of a family that remembers its samples."""

    pools: Memory

    def __init__(self, arm: Arm, seeds: tuple[int, ...], runtime: Runtime) -> None:
        super().__init__(arm, seeds, runtime, exact=False)
        assert isinstance(self._family, Remembering)
        self._memory = self._family
        self._additive = self._memory.additive and not self._banked
        sums = Merged(self._merge, self._scale, nested(arm.schedule), runtime)
        bank = Bank(self._streams, compact=True)
        self.pools = Memory(bank, sums if self._additive else None)
        self._at = self._points(len(seeds))
        self._cuts: dict[int, list[Array]] = {}
        counts = arm.samples
        self._stretch = max(counts.real, counts.synthetic, counts.fresh)
        self._truth: Array = None
        if "total_variation" in self._meter.quantities:
            assert self._at is not None
            density = self._source.log_density(self._at)
            self._truth = runtime.array(np.asarray(density, dtype=np.float64))

    def fit(self, generation: int, data: Any, previous: Arrays | None) -> tuple[Arrays, Numbers]:
        if not self._additive:
            batch, weights = data
            own = 1.0 if batch.weight is None else batch.weight
            data = self._summed(batch.fields, weights * own)
        params = self._memory.solve(self._call, data.all, previous or {})
        return self._correction.adjust(params, previous), {}

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

    def _points(self, replicates: int) -> NDArray[np.float64] | None:
        """Held-out points for every replicate, ``[R, m, d]``; None if no metric wants them."""
        if not self._meter.quantities:
            return None
        x = np.asarray(self._meter.heldout["x"], dtype=np.float64)
        return np.broadcast_to(x, (replicates, *x.shape[-2:]))

    def _pool(self, batch: Batch) -> tuple[Batch, Sums | None]:
        kept = host_batch(self._runtime, batch)
        if not self._additive:
            return kept, None
        weights = np.ones(kept.fields["x"].shape[:2]) if kept.weight is None else kept.weight
        return kept, self._summed(kept.fields, weights)

    def _summed(self, fields: Host, weights: NDArray[np.float64]) -> Sums:
        """Statistics of samples, and sums at held-out points where a metric looks at the density.

        A block is cut into pieces that fit the cache, over replicates first: what they give needs
        no adding up. All pieces have one shape, so that one program serves them.
        """
        x = fields["x"]
        replicates, n, dim = x.shape
        points = 1 if self._at is None else self._at.shape[1]
        length = max(1, min(n, self._stretch, _CHUNK // points))
        width = min(replicates, max(1, _CHUNK // (points * length)))
        width = -(-replicates // -(-replicates // width))  # equal parts
        mass = weights.sum(axis=1)
        h = np.asarray(self._memory.width(np.where(mass > 0.0, mass, 1.0), dim))
        found = []
        for number, start in enumerate(range(0, replicates, width)):
            rows = slice(start, start + width)
            at = None if self._at is None else self._cut(width)[number]
            share = self._runtime.array(_filled(h[rows], width, fill=1.0))
            total: Sums | None = None
            for first in range(0, n, length):
                part = slice(first, first + length)
                summed = self._piece(x[rows, part], weights[rows, part], at, share, length)
                total = summed if total is None else self._merge(total, summed)
            assert total is not None
            found.append(total.all)
        if len(found) == 1:
            return Sums(found[0])
        concat = self._runtime.xp.concat
        return Sums({k: concat([each[k] for each in found])[:replicates] for k in found[0]})

    def _piece(
        self, x: NDArray[Any], weights: NDArray[Any], at: Array, h: Array, length: int
    ) -> Sums:
        """The sums of one piece, filled up to ``length`` samples of weight zero."""
        shape = (h.shape[0], length)
        samples = self._runtime.array(_filled(x, *shape))
        weight = self._runtime.array(_filled(weights, *shape))
        summed = dict(self._call("statistics", {"x": samples}, weight))
        if at is not None:
            summed |= self._call("sums", samples, weight, at, h)
        return Sums(summed)

    def _cut(self, width: int) -> list[Array]:
        """The held-out points in pieces of as many replicates, on the device."""
        assert self._at is not None
        if width not in self._cuts:
            starts = range(0, len(self._at), width)
            pieces = (_filled(self._at[start : start + width], width) for start in starts)
            self._cuts[width] = [self._runtime.array(piece) for piece in pieces]
        return self._cuts[width]

    def _samples(self, generation: int, purpose: str, params: Arrays, n: int) -> Arrays:
        drawn = self._streams.draws(generation, purpose, self._memory.noise(self._source, n))
        picks = drawn.pop("pick").astype(np.float64, copy=False)
        design, noise = self._put(self.pools.pick(picks)), self._put(drawn)
        found: Arrays = self._call("sample", self._source, params, noise, design)
        return found


def _filled(values: NDArray[Any], *shape: int, fill: float = 0.0) -> NDArray[Any]:
    """A piece filled up to the full length of its first axes."""
    missing = [(0, want - have) for want, have in zip(shape, values.shape, strict=False)]
    if not any(more for _, more in missing):
        return np.ascontiguousarray(values)
    rest = [(0, 0)] * (values.ndim - len(shape))
    return np.pad(values, [*missing, *rest], constant_values=fill)
