"""Closed-form families, on the exact law of their statistics or on samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurse.backend import Runtime
from recurse.families.closed import Closed
from recurse.families.roles import Conditional, Exact, Pointwise, Relabelling, Reusing, Weighed
from recurse.lowering import Numbers, Pools
from recurse.lowering.contents import Sums
from recurse.lowering.correct import Correction, WithKept
from recurse.lowering.heldout import refuse_training_data
from recurse.lowering.measure import Meter, host_arrays, host_batch, runtime_arrays
from recurse.lowering.pools import Bank, Merged, in_part, nested
from recurse.numerics.arrays import Array, Arrays, Batch, Host
from recurse.numerics.streams import Streams
from recurse.scenario.scenario import Arm


class ClosedForm:
    """A block of a closed-form family.

    ``exact`` draws the statistics of a pool from their law; otherwise from samples.
    Either way a pool that is only ever used whole is kept as its statistics.
    """

    def __init__(self, arm: Arm, seeds: tuple[int, ...], runtime: Runtime, exact: bool) -> None:
        assert isinstance(arm.model, Closed)
        self._family: Closed[Any] = arm.model.completed(arm.source)
        self._source = arm.source
        self._runtime = runtime
        self._call = Compiled(self._family, runtime)
        self._streams = Streams(seeds)
        self._exact = exact
        self._sampler = arm.sampler
        self._meter = Meter(arm, self._streams, runtime)
        self._correction = Correction(arm, self._streams, runtime)
        self._design: dict[str, Array] = {}
        self._inputs = 0
        self._fixed: list[dict[str, Array]] = []
        self._banked = in_part(arm.schedule) is not None or looks_at_all(arm)
        self._relabels = relabels(arm) and not self._banked
        self.pools: Pools = (
            Bank(self._streams, compact=False)
            if self._banked
            else Merged(self._merge, self._scale, nested(arm.schedule), runtime)
        )
        if arm.corrector.keeps:
            self.pools = WithKept(self.pools, self._correction)

    def real(self, n: int) -> Any:
        family, streams = self._family, self._streams
        if isinstance(family, Exact) and self._exact:
            self._design = self._put(family.design(self._source, streams, n))
            return self._statistics(0, "real", self._meter.truth, n)
        drawn = self._source.draw(streams, 0, "real", n)
        refuse_training_data(self._source, self._meter.heldout, drawn)
        kept = {name: drawn[name] for name in family.needs}
        self._design = self._put({name: kept[name] for name in self._shared()})
        if isinstance(family, Relabelling) and self._relabels:
            self._inputs = n
            self._fixed = [self._call("fixed", part) for part in self._parts(self._design, n)]
        self._correction.prepare(drawn)
        return self._pool(self._correction.screened(self._put(kept), 0, "real", n))

    def fresh(self, generation: int, n: int) -> Any:
        if self._exact:
            return self._statistics(generation, "fresh", self._meter.truth, n)
        if self._design:
            fields = self._samples(generation, "fresh", self._meter.truth, n)
        else:
            drawn = self._source.draw(self._streams, generation, "fresh", n)
            fields = self._put({name: drawn[name] for name in self._family.needs})
        return self._pool(self._correction.screened(fields, generation, "fresh", n))

    def synthesise(self, generation: int, params: Arrays, n: int) -> tuple[Any, Numbers]:
        adapt = self._runtime.compile(type(self._sampler).adapt, (0, 1))
        adapted = adapt(self._sampler, self._runtime.xp, dict(params))
        if self._exact:
            return self._statistics(generation, "synthetic", adapted, n), {}
        count = self._correction.candidates(n)
        drawn = self._samples(generation, "synthetic", adapted, count)
        batch, recorded = self._correction.correct(generation, drawn, n)
        return self._pool(batch), recorded

    def fit(self, generation: int, data: Any, previous: Arrays | None) -> tuple[Arrays, Numbers]:
        size = self._inputs
        if self._banked:
            batch, weights = data
            size = weights.shape[1]
            if batch.weight is not None:
                weights = weights * batch.weight
            mark = None if batch.mark is None else self._runtime.array(batch.mark)
            fields = self._put(batch.fields)
            data = self._sums(Batch(fields, self._runtime.array(weights), mark))
        needed: dict[str, Array] = dict(data.all)
        if isinstance(self._family, Weighed) and not self._exact:
            needed = self._call("determined", needed)
        if isinstance(self._family, Pointwise):
            requests = self._family.fit_noise(self._source)
            needed |= self._put(self._streams.draws(generation, "fit", requests))
        params = self._solve(needed, size, previous or {})
        return self._correction.adjust(params, previous, data.marked), {}

    def _solve(self, data: Arrays, size: int, previous: Arrays) -> Arrays:
        """The fit to ``size`` samples, of as many replicates at a time as the family likes."""
        parts, before = self._parts(data, size), self._parts(previous, size)
        if self._fixed:
            parts = [{**fixed, **part} for fixed, part in zip(self._fixed, parts, strict=True)]
        solve = self._family.solve
        pairs = zip(parts, before or [{}] * len(parts), strict=True)
        found = [solve(self._call, part, earlier) for part, earlier in pairs]
        if len(found) == 1:
            return found[0]
        return {k: self._runtime.xp.concat([part[k] for part in found]) for k in found[0]}

    def _parts(self, arrays: Arrays, size: int) -> list[dict[str, Array]]:
        family = self._family
        if not arrays:
            return []
        width = None
        if isinstance(family, Pointwise):
            width = family.replicates_per_call(self._source, size)
        if width is None or width >= len(self._streams.seeds):
            return [dict(arrays)]
        parts: list[dict[str, Array]] = self._runtime.compile(_cut, (0,))(width, dict(arrays))
        return parts

    def measure(self, generation: int, params: Arrays) -> Numbers:
        samples: Arrays = {}
        if count := self._meter.samples:
            samples = self._samples(generation, "evaluation", params, count)
        quantities = {}
        for name in self._meter.quantities:
            quantities[name] = self._call("evaluate", self._source, params, self._meter.reference)
        return self._meter.measure(params, samples, quantities)

    def images(self, generation: int, params: Arrays) -> NDArray[Any] | None:
        return None

    def finite(self, params: Arrays, previous: Arrays | None) -> tuple[Arrays, NDArray[np.bool_]]:
        return mend(self._runtime, params, previous)

    def _pool(self, batch: Batch) -> Any:
        return host_batch(self._runtime, batch) if self._banked else self._sums(batch)

    def _sums(self, batch: Batch) -> Sums:
        """Statistics of samples, and of the marked ones among them."""
        left = self._shared() if self._relabels else ()
        seen = {k: v for k, v in batch.fields.items() if k not in left}
        method, rest = ("label_sums", [self._inputs]) if self._relabels else ("statistics", [])
        weight = batch.weight
        if weight is None:
            shape = next(iter(batch.fields.values())).shape[:2]
            weight = self._runtime.xp.ones(shape, dtype=self._runtime.xp.float64)
        found = Sums(self._call(method, seen, weight, *rest))
        if batch.mark is None:
            return found
        return Sums(found.all, self._call(method, seen, weight * batch.mark, *rest))

    def _shared(self) -> tuple[str, ...]:
        family = self._family
        return family.shared(self._source) if isinstance(family, Reusing) else ()

    def _statistics(self, generation: int, purpose: str, params: Arrays, n: int) -> Sums:
        family, source = self._family, self._source
        assert isinstance(family, Exact)
        numbers = self._streams.draws(generation, purpose, family.statistics_noise(source, n))
        if isinstance(family, Conditional):
            given = family.given(source, n, host_arrays(self._runtime, params))
            numbers |= self._streams.given(generation, purpose, given)
        noise = self._put(numbers)
        return Sums(self._call("sample_statistics", source, n, params, noise, self._design))

    def _samples(self, generation: int, purpose: str, params: Arrays, n: int) -> Arrays:
        family = self._family
        numbers = self._streams.draws(generation, purpose, family.noise(self._source, n))
        if isinstance(family, Conditional):
            known = [host_arrays(self._runtime, arrays) for arrays in (params, self._design)]
            given = family.given_samples(self._source, n, known[0], known[1] | numbers)
            numbers |= self._streams.given(generation, purpose, given)
        noise = self._put(numbers)
        return family.generate(self._call, self._source, params, noise, self._design)

    def _merge(self, left: Sums, right: Sums) -> Sums:
        return left.map(lambda *sides: dict(self._call("merge", *sides)), right)

    def _scale(self, sums: Sums, weight: float) -> Sums:
        return sums.map(lambda part: dict(self._call("scale", part, weight)))

    def _put(self, arrays: Host) -> dict[str, Array]:
        return runtime_arrays(self._runtime, arrays)


class Compiled:
    """The methods of a family on a backend; specs and counts are constants of the programs."""

    def __init__(self, family: Closed[Any], runtime: Runtime) -> None:
        self._family = family
        self._runtime = runtime

    def __call__(self, method: str, *arguments: Any) -> Any:
        constant = [
            i for i, a in enumerate(arguments) if not isinstance(a, dict) and not _is_array(a)
        ]
        function = getattr(type(self._family), method)
        static = (0, 1, *(i + 2 for i in constant))
        compiled = self._runtime.compile(function, static)
        return compiled(self._family, self._runtime.xp, *arguments)

    def repeat(self, step: str, until: str, state: Arrays) -> dict[str, Array]:
        """Steps until it is enough."""
        kind = type(self._family)
        repeated = self._runtime.repeat(getattr(kind, step), getattr(kind, until), (0, 1))
        found: dict[str, Array] = repeated(self._family, self._runtime.xp, dict(state))
        return found

    def put(self, values: NDArray[Any]) -> Array:
        """A NumPy array on the device."""
        return self._runtime.array(values)

    def host(self, values: Array) -> NDArray[Any]:
        """An array of the device as NumPy."""
        return self._runtime.host(values)


def looks_at_all(arm: Arm) -> bool:
    """True if every fit looks at each of its samples, so that pools have to be kept as samples."""
    return isinstance(arm.model, Pointwise) and not relabels(arm)


def relabels(arm: Arm) -> bool:
    """True if pools are labels of one shared design, whose sums per input suffice."""
    return isinstance(arm.model, Relabelling) and arm.model.relabels(arm.source)


def _cut(width: int, arrays: Arrays) -> list[dict[str, Array]]:
    """Parts of ``width`` replicates, one program for all of them."""
    replicates = next(iter(arrays.values())).shape[0]
    starts = range(0, replicates, width)
    return [{k: v[i : i + width] for k, v in arrays.items()} for i in starts]


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape")


def mend(
    runtime: Runtime, params: Arrays, previous: Arrays | None
) -> tuple[Arrays, NDArray[np.bool_]]:
    """Replicates with a number that is not finite get their previous (or zero) parameters."""
    xp = runtime.xp
    whole_ = runtime.compile(_finite, (0,))(xp, dict(params))
    mask = np.asarray(runtime.host(whole_), dtype=bool)
    if mask.all():
        return params, mask
    mended = {}
    for name, values in params.items():
        # A model that holds its training set has another shape when that has grown.
        alike = previous is not None and previous[name].shape == values.shape
        instead = previous[name] if previous is not None and alike else xp.zeros_like(values)
        keep = xp.reshape(whole_, (-1,) + (1,) * (values.ndim - 1))
        mended[name] = xp.where(keep, values, instead)
    return mended, mask


def _finite(xp: Any, params: Arrays) -> Array:
    flat = [xp.reshape(xp.isfinite(values), (values.shape[0], -1)) for values in params.values()]
    return xp.all(xp.concat(flat, axis=1), axis=1)
