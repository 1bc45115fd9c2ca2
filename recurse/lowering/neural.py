"""Neural families: the data stay on the host, fitting and sampling are the backend's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurse.backend import Backend, Runtime
from recurse.families import Network
from recurse.lowering import Numbers
from recurse.lowering.closed import mend
from recurse.lowering.correct import Correction
from recurse.lowering.heldout import refuse_training_data
from recurse.lowering.measure import Meter, host_batch, runtime_arrays
from recurse.lowering.pools import Bank
from recurse.numerics.arrays import Arrays, Batch, Host
from recurse.numerics.streams import Streams
from recurse.scenario.scenario import Arm

_GALLERY = 16  # images of the first replicate kept for the report


class NeuralNet:
    """A block of a neural family: replicates train side by side."""

    def __init__(
        self, arm: Arm, seeds: tuple[int, ...], runtime: Runtime, backend: Backend
    ) -> None:
        assert isinstance(arm.model, Network)
        self._arm = arm
        self._family: Network[Any] = arm.model
        self._runtime = runtime
        self._streams = Streams(seeds)
        self._net = backend.neural(runtime, arm.model, arm.source)
        self._meter = Meter(arm, self._streams, runtime)
        self._correction = Correction(arm, self._streams, runtime)
        self._drawn: tuple[int, Host] = (-1, {})
        self.pools = Bank(self._streams, compact=True)

    def real(self, n: int) -> Batch:
        drawn = self._arm.source.draw(self._streams, 0, "real", n)
        refuse_training_data(self._arm.source, self._meter.heldout, drawn)
        self._correction.prepare(drawn)
        return self._needed(drawn)

    def fresh(self, generation: int, n: int) -> Batch:
        return self._needed(self._arm.source.draw(self._streams, generation, "fresh", n))

    def synthesise(self, generation: int, params: Arrays, n: int) -> tuple[Batch, Numbers]:
        count = self._correction.candidates(n)
        drawn = self._net.sample(self._streams, generation, "synthetic", params, count)
        batch, recorded = self._correction.correct(
            generation, runtime_arrays(self._runtime, drawn), n
        )
        return host_batch(self._runtime, batch), recorded

    def fit(self, generation: int, data: Any, previous: Arrays | None) -> tuple[Arrays, Numbers]:
        batch, _ = data
        start = previous
        if start is None or self._arm.start == "scratch":
            weights = self._family.initial(self._streams, generation, self._arm.source)
            start = runtime_arrays(self._runtime, weights)
        params, loss = self._net.fit(self._streams, generation, batch.fields, start)
        return self._correction.adjust(params, previous), {"train_loss": loss}

    def measure(self, generation: int, params: Arrays) -> Numbers:
        count = max(self._meter.samples, _GALLERY)
        samples = self._net.sample(self._streams, generation, "evaluation", params, count)
        self._drawn = (generation, samples)
        quantities = {
            name: self._runtime.array(
                self._net.evaluate(self._streams, generation, params, self._meter.heldout, name)
            )
            for name in self._meter.quantities
        }
        return self._meter.measure({}, runtime_arrays(self._runtime, samples), quantities)

    def images(self, generation: int, params: Arrays) -> NDArray[Any] | None:
        drawn_at, samples = self._drawn
        if drawn_at != generation or "image" not in samples:
            return None
        return samples["image"][0, :_GALLERY]

    def finite(self, params: Arrays, previous: Arrays | None) -> tuple[Arrays, NDArray[np.bool_]]:
        return mend(self._runtime, params, previous)

    def _needed(self, drawn: Host) -> Batch:
        return Batch({name: drawn[name] for name in self._family.needs})
