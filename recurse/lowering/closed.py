"""Closed-form families, on the exact law of their statistics or on samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurse.backend import Runtime
from recurse.families import Closed
from recurse.lowering import Numbers, Pools
from recurse.lowering.correct import Correction, WithKept
from recurse.lowering.measure import Meter, host_arrays, runtime_arrays
from recurse.lowering.pools import Bank, Merged, in_part, nested
from recurse.numerics.arrays import Array, Arrays, Host
from recurse.numerics.streams import Streams
from recurse.scenario.scenario import Arm

MARKED = "marked_"


class ClosedForm:
    """A block of a closed-form family.

    ``exact`` draws the statistics of a pool from their law; otherwise from samples.
    Either way a pool that is only ever used whole is kept as its statistics.
    """

    def __init__(self, arm: Arm, seeds: tuple[int, ...], runtime: Runtime, exact: bool) -> None:
        assert isinstance(arm.model, Closed)
        self._family: Closed[Any] = arm.model.bound(arm.source)
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
        self._banked = in_part(arm.schedule) is not None or self._family.keeps_samples(arm.source)
        self._relabels = self._family.relabels(arm.source) and not self._banked
        self.pools: Pools = (
            Bank(self._streams, compact=False)
            if self._banked
            else Merged(self._merge, self._scale, nested(arm.schedule), runtime)
        )
        if arm.corrector.keeps:
            self.pools = WithKept(self.pools, self._correction)

    def real(self, n: int) -> Any:
        family, streams = self._family, self._streams
        if self._exact:
            self._design = self._put(family.design(self._source, streams, n))
            return self._statistics(0, "real", self._meter.truth, n)
        drawn = self._source.draw(streams, 0, "real", n)
        kept = {name: drawn[name] for name in family.needs}
        self._design = self._put({name: kept[name] for name in family.shared(self._source)})
        if self._relabels:
            self._inputs = n
            self._fixed = [self._call("fixed", part) for part in self._parts(self._design, n)]
        self._correction.prepare(drawn)
        return self._pool(self._put({**kept, **self._correction.screen(0, "real", n)}))

    def fresh(self, generation: int, n: int) -> Any:
        if self._exact:
            return self._statistics(generation, "fresh", self._meter.truth, n)
        screened = self._put(self._correction.screen(generation, "fresh", n))
        if self._design:
            drawn = self._samples(generation, "fresh", self._meter.truth, n)
            return self._pool({**drawn, **screened})
        drawn = self._source.draw(self._streams, generation, "fresh", n)
        kept = self._put({name: drawn[name] for name in self._family.needs})
        return self._pool({**kept, **screened})

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
            weights = self._runtime.array(weights * batch.get("weight", 1.0))
            data = self._sums(self._put(batch), weights)
        data, marked = _parted(data)
        if not self._exact and type(self._family).determined is not Closed.determined:
            data = self._call("determined", dict(data))
        drawn = self._streams.draws(generation, "fit", self._family.fit_noise(self._source))
        params = self._solve({**data, **self._put(drawn)}, size)
        if type(self._family).carry is not Closed.carry:
            params = self._call("carry", dict(params), dict(previous or {}))
        return self._correction.adjust(params, previous, marked), {}

    def _solve(self, data: Arrays, size: int) -> Arrays:
        """The fit to ``size`` samples, of as many replicates at a time as the family likes."""
        parts = self._parts(data, size)
        if self._fixed:
            parts = [{**fixed, **part} for fixed, part in zip(self._fixed, parts, strict=True)]
        found = [self._family.solve(self._call, part) for part in parts]
        if len(found) == 1:
            return found[0]
        return {k: self._runtime.xp.concat([part[k] for part in found]) for k in found[0]}

    def _parts(self, arrays: Arrays, size: int) -> list[dict[str, Array]]:
        width = self._family.together(self._source, size)
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

    def _pool(self, batch: Arrays) -> Any:
        if self._banked:
            return host_arrays(self._runtime, batch)
        first = next(iter(batch.values()))
        ones = self._runtime.xp.ones(first.shape[:2], dtype=self._runtime.xp.float64)
        return self._sums(batch, batch.get("weight", ones))

    def _sums(self, batch: Arrays, weights: Array) -> dict[str, Array]:
        """Statistics of weighted samples, and under names with a prefix those of marked ones."""
        left = self._family.shared(self._source) if self._relabels else ()
        seen = {k: v for k, v in batch.items() if k not in ("weight", "mark", *left)}
        method, rest = ("label_sums", [self._inputs]) if self._relabels else ("statistics", [])
        found: dict[str, Array] = self._call(method, seen, weights, *rest)
        if "mark" not in batch:
            return found
        return _joined(found, self._call(method, seen, weights * batch["mark"], *rest))

    def _statistics(self, generation: int, purpose: str, params: Arrays, n: int) -> Arrays:
        requests = self._family.statistics_noise(self._source, n)
        numbers = self._streams.draws(generation, purpose, requests)
        if self._family.conditional:
            given = self._family.given(self._source, n, host_arrays(self._runtime, params))
            numbers |= self._streams.given(generation, purpose, given)
        noise = self._put(numbers)
        drawn: Arrays = self._call(
            "sample_statistics", self._source, n, params, noise, self._design
        )
        return drawn

    def _samples(self, generation: int, purpose: str, params: Arrays, n: int) -> Arrays:
        requests = self._family.noise(self._source, n)
        numbers = self._streams.draws(generation, purpose, requests)
        if self._family.conditional:
            known = [host_arrays(self._runtime, arrays) for arrays in (params, self._design)]
            given = self._family.given_samples(self._source, n, known[0], known[1] | numbers)
            numbers |= self._streams.given(generation, purpose, given)
        noise = self._put(numbers)
        return self._family.generate(self._call, self._source, params, noise, self._design)

    def _merge(self, left: Arrays, right: Arrays) -> Arrays:
        (left, left_marked), (right, right_marked) = _parted(left), _parted(right)
        merged: Arrays = self._call("merge", left, right)
        if left_marked:
            merged = _joined(merged, self._call("merge", left_marked, right_marked))
        return merged

    def _scale(self, statistics: Arrays, weight: float) -> Arrays:
        statistics, marked = _parted(statistics)
        scaled: Arrays = self._call("scale", statistics, weight)
        return _joined(scaled, self._call("scale", marked, weight)) if marked else scaled

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


def _cut(width: int, arrays: Arrays) -> list[dict[str, Array]]:
    """Parts of ``width`` replicates, one program for all of them."""
    replicates = next(iter(arrays.values())).shape[0]
    starts = range(0, replicates, width)
    return [{k: v[i : i + width] for k, v in arrays.items()} for i in starts]


def _joined(statistics: Arrays, marked: Arrays) -> dict[str, Array]:
    return {**statistics, **{f"{MARKED}{name}": values for name, values in marked.items()}}


def _parted(joined: Arrays) -> tuple[dict[str, Array], dict[str, Array]]:
    """The inverse of ``_joined``: statistics, and those of marked samples."""
    marked = {k.removeprefix(MARKED): v for k, v in joined.items() if k.startswith(MARKED)}
    return {k: v for k, v in joined.items() if not k.startswith(MARKED)}, marked


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
