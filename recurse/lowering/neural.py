"""Neural families: pools stay on the host, training and sampling are the backend's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurse.backend import Backend, Runtime
from recurse.families.neural import Neural
from recurse.lowering import Numbers
from recurse.lowering.closed import mend
from recurse.lowering.correct import Correction, WithKept
from recurse.lowering.heldout import refuse_training_data
from recurse.lowering.measure import Meter, host_batch, runtime_arrays
from recurse.lowering.pictures import SHOWN, Pictures
from recurse.lowering.shelves import Shelves
from recurse.lowering.supervisor import Alone, Supervisor
from recurse.lowering.training import Training
from recurse.nets import initial
from recurse.numerics.arrays import Arrays, Batch, Fields, Host
from recurse.numerics.streams import Streams
from recurse.samplers import Sampler
from recurse.samplers.none import NoSampler
from recurse.scenario.scenario import Arm

_ROWS = 1 << 20  # numbers that one replicate keeps in a call that samples or measures


class NeuralNet:
    """A block of a neural family: replicates train side by side."""

    def __init__(
        self,
        arm: Arm,
        seeds: tuple[int, ...],
        runtime: Runtime,
        backend: Backend,
        supervisor: Supervisor | None = None,
    ) -> None:
        assert isinstance(arm.model, Neural)
        supervisor = supervisor or Alone()
        self._arm, self._runtime = arm, runtime
        self._family: Neural[Any] = arm.model
        self._weights = self._family.weights(arm.source)
        self._streams = Streams(seeds)
        self._trainer = backend.train(runtime, arm.model, arm.source, self._streams)
        self._training = Training(arm, self._streams, runtime, self._trainer, supervisor)
        self._meter = Meter(arm, self._streams, runtime)
        self._correction = Correction(arm, self._streams, runtime)
        self._pictures = Pictures(arm.source, self._streams)
        self._drawn: tuple[int, Host] = (-1, {})
        self._sound = np.ones(len(seeds), dtype=bool)  # replicates whose last fit had finite losses
        self._rows = max(16, _ROWS // self._family.activations(arm.source))
        self.pools = WithKept(Shelves(self._streams, supervisor), self._correction)

    def real(self, n: int) -> Batch:
        drawn = self._arm.source.draw(self._streams, 0, "real", n)
        refuse_training_data(self._arm.source, self._meter.heldout, drawn)
        self._correction.prepare(drawn)
        return self._needed(drawn, 0, "real")

    def fresh(self, generation: int, n: int) -> Batch:
        drawn = self._arm.source.draw(self._streams, generation, "fresh", n)
        return self._needed(drawn, generation, "fresh")

    def synthesise(self, generation: int, params: Arrays, n: int) -> tuple[Batch, Numbers]:
        count = self._correction.candidates(n)
        drawn = self._sample(generation, "synthetic", params, count, self._arm.sampler)
        fields = runtime_arrays(self._runtime, drawn)
        batch, recorded = self._correction.correct(generation, fields, n)
        return host_batch(self._runtime, batch), recorded

    def fit(self, generation: int, data: Any, previous: Arrays | None) -> tuple[Arrays, Numbers]:
        if previous is None or self._arm.start == "scratch":
            weights = initial(self._weights, self._streams, generation)
            start: Arrays = runtime_arrays(self._runtime, weights)
        else:
            start = self._training.continued(previous)
        params, loss = self._training.fit(generation, data, start)
        self._sound = np.isfinite(loss)
        return self._correction.adjust(params, previous), {"train_loss": loss}

    def measure(self, generation: int, params: Arrays) -> Numbers:
        count = max(self._meter.samples, SHOWN)
        samples = self._sample(generation, "evaluation", params, count, NoSampler())
        self._drawn = (generation, samples)
        quantities = {
            name: self._runtime.array(self._quantity(generation, params, name))
            for name in self._meter.quantities
        }
        return self._meter.measure({}, runtime_arrays(self._runtime, samples), quantities)

    def images(self, generation: int, params: Arrays) -> NDArray[Any] | None:
        drawn_at, samples = self._drawn
        return self._pictures.of(samples) if drawn_at == generation else None

    def finite(self, params: Arrays, previous: Arrays | None) -> tuple[Arrays, NDArray[np.bool_]]:
        mended, whole = mend(self._runtime, params, previous)
        return mended, whole & self._sound

    def _sample(
        self, generation: int, purpose: str, params: Arrays, n: int, sampler: Sampler
    ) -> Fields:
        """Samples of each model, a bounded number at a time: ``[R, n, ...]``."""
        model = self._training.served(params)
        calls = [
            self._trainer.sample(model, generation, purpose, index, size, sampler)
            for index, size in enumerate(_sizes(n, self._rows))
        ]
        return {name: np.concatenate([c[name] for c in calls], axis=1) for name in calls[0]}

    def _quantity(self, generation: int, params: Arrays, name: str) -> NDArray[np.float64]:
        """A quantity of the held-out data, the mean over them and over its random numbers."""
        model, data = self._training.served(params), self._heldout()
        n = next(iter(data.values())).shape[1]
        sizes = _sizes(n, self._rows)
        scores = np.zeros(())
        repeats = self._family.draws.get(name, 1)
        for repeat in range(repeats):
            found, first = [], 0
            for index, size in enumerate(sizes):
                part = {k: v[:, first : first + size] for k, v in data.items()}
                place = repeat * len(sizes) + index
                found.append(self._trainer.score(model, generation, name, place, part))
                first += size
            scores = scores + np.concatenate(found, axis=1) / repeats
        return self._family.summary(name, scores)

    def _heldout(self) -> Host:
        """The held-out data that the family looks at, ``[R, n, ...]``."""
        shapes = self._family.fields(self._arm.source)
        found = {}
        for name, shape in shapes.items():
            values = self._meter.heldout[name]
            if values.ndim == 1 + len(shape):
                values = np.broadcast_to(values, (len(self._streams.seeds), *values.shape))
            found[name] = single(values)
        return found

    def _needed(self, drawn: Host, generation: int, purpose: str) -> Batch:
        """The fields of real data that the family is trained on, screened by the corrector."""
        fields = {name: single(drawn[name]) for name in self._family.fields(self._arm.source)}
        n = next(iter(fields.values())).shape[1]
        _, weight, mark = self._correction.screened(fields, generation, purpose, n)
        return Batch(fields, self._host(weight), self._host(mark))

    def _host(self, values: Any) -> Any:
        return None if values is None else self._runtime.host(values)


def single(values: NDArray[Any]) -> NDArray[Any]:
    """Real numbers in single precision; integers as they are."""
    return values.astype(np.float32) if values.dtype.kind == "f" else values


def _sizes(n: int, most: int) -> list[int]:
    """``n`` in parts of ``most``, the last one smaller."""
    return [min(most, n - first) for first in range(0, n, most)]
