"""Measuring the models of a generation: held-out data and every metric, in one compiled call."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurse.backend import Runtime
from recurse.lowering import Numbers
from recurse.lowering.contents import batch_of, flat
from recurse.metrics import Metric, View, held_out, sampled
from recurse.numerics.arrays import Array, Arrays, Batch, Host
from recurse.numerics.streams import Streams
from recurse.scenario.scenario import Arm
from recurse.sources import Discrete
from recurse.spec import BrokenKind


class Meter:
    """The metrics of an arm and what they share: the truth and the held-out data."""

    def __init__(self, arm: Arm, streams: Streams, runtime: Runtime) -> None:
        self._metrics: tuple[Metric, ...] = arm.metrics
        self._runtime = runtime
        self._replicates = len(streams.seeds)
        self._compiled = runtime.compile(measure, (0, 1))
        self._source = arm.source
        counted = isinstance(arm.source, Discrete)
        rare = [metric for metric in arm.metrics if "rarity" in metric.needs]
        self.samples = sampled(m for m in arm.metrics if not (counted and m in rare))
        """Evaluation samples per model that the metrics need."""
        self.quantities = tuple(sorted({m.quantity for m in arm.metrics if m.quantity}))
        self.truth = runtime_arrays(runtime, arm.source.truth(streams))
        self.heldout = self._heldout(arm, streams)
        self.reference = runtime_arrays(runtime, self.heldout)
        self._rare = bool(rare)
        self._rarity: Array = None
        if rare and isinstance(arm.source, Discrete):
            each = arm.source.rarity(np.arange(arm.source.alphabet))
            shape = (len(streams.seeds), arm.source.alphabet)
            self._rarity = runtime.array(np.broadcast_to(np.asarray(each), shape))

    def _heldout(self, arm: Arm, streams: Streams) -> Host:
        if not any("heldout" in metric.needs for metric in self._metrics):
            return {}
        kept: Host = arm.source.heldout()
        if kept:
            return kept
        drawn: Host = arm.source.draw(streams, 0, "heldout", held_out(self._metrics))
        return drawn

    def measure(self, params: Arrays, samples: Arrays, quantities: Arrays) -> Numbers:
        """Every metric of the arm, ``[R]`` each, on the host."""
        rarity = self._rarity
        if self._rare and rarity is None:
            x = np.asarray(self._runtime.host(samples["x"]), dtype=np.float64)
            rarity = self._runtime.array(np.asarray(self._source.rarity(x)))
        view = (params, self.truth, samples, self.reference, quantities, rarity)
        values = self._compiled(self._metrics, self._runtime.xp, *view)
        return {
            metric.kind: self._number(metric, value)
            for metric, value in zip(self._metrics, values, strict=True)
        }

    def _number(self, metric: Metric, value: Array) -> NDArray[np.float64]:
        """A metric on the host, ``[R]``.

        Raises:
            BrokenKind: it is of another shape, or no array of numbers at all.
        """
        try:
            found = np.asarray(self._runtime.host(value), dtype=np.float64)
        except (AttributeError, TypeError, ValueError) as error:
            text = f"measures {type(value).__name__}, not an array of real numbers"
            raise BrokenKind(metric, text) from error
        if found.shape != (self._replicates,):
            text = f"measures an array {list(found.shape)}, not one number per replicate"
            raise BrokenKind(metric, f"{text} [{self._replicates}]")
        return found


def measure(
    metrics: tuple[Metric, ...],
    xp: Any,
    params: Arrays,
    truth: Arrays,
    samples: Arrays,
    reference: Arrays,
    quantities: Arrays,
    rarity: Array,
) -> tuple[Array, ...]:
    """Every metric in order, ``[R]`` each."""
    view = View(params, truth, samples, reference, quantities, rarity)
    return tuple(metric.measure(xp, view) for metric in metrics)


def runtime_arrays(runtime: Runtime, arrays: Host) -> dict[str, Array]:
    """Host arrays on the device."""
    return {name: runtime.array(values) for name, values in arrays.items()}


def host_batch(runtime: Runtime, batch: Batch) -> Batch:
    """A batch of the device on the host."""
    return batch_of(host_arrays(runtime, flat(batch)))


def host_arrays(runtime: Runtime, arrays: Arrays) -> dict[str, NDArray[Any]]:
    """Device arrays on the host."""
    return {name: runtime.host(values) for name, values in arrays.items()}
