"""One fit of a neural family: batch order, learning rates and what a kill may not cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurse.backend import Runtime, Trainer
from recurse.families.neural import Neural
from recurse.lowering.measure import host_arrays, runtime_arrays
from recurse.lowering.shelves import TrainingSet
from recurse.lowering.supervisor import Step, Supervisor
from recurse.numerics.arrays import Arrays
from recurse.numerics.streams import Streams
from recurse.scenario.scenario import Arm

_LOSS = "loss"  # of a fit that was stopped: the sum over the steps of its last epoch so far


class Order:
    """The samples that each optimiser step sees: every epoch is a new permutation of all."""

    def __init__(self, streams: Streams, generation: int, n: int, batch: int) -> None:
        self._streams, self._generation = streams, generation
        self._n, self._batch, self._each = n, batch, n // batch
        self._epoch, self._rows = -1, np.empty(0, np.int64)

    def places(self, first: int, count: int) -> NDArray[np.int64]:
        """The samples of ``count`` steps after ``first``: ``[count, R, batch]``."""
        return np.stack([self._step(step) for step in range(first, first + count)])

    def _step(self, step: int) -> NDArray[np.int64]:
        epoch, place = divmod(step, self._each)
        if epoch != self._epoch:
            generators = self._streams.generators(self._generation, f"batches/{epoch}")
            self._rows = np.stack([g.permutation(self._n) for g in generators])
            self._epoch = epoch
        return self._rows[:, place * self._batch : (place + 1) * self._batch]


class Training:
    """The fits of a block, one generation after another."""

    def __init__(
        self,
        arm: Arm,
        streams: Streams,
        runtime: Runtime,
        trainer: Trainer,
        supervisor: Supervisor,
    ) -> None:
        assert isinstance(arm.model, Neural)
        self._family: Neural[Any] = arm.model
        self._train, self._stride = arm.model.train, arm.model.stride(arm.source)
        self._schedule, self._streams = arm.schedule, streams
        self._runtime, self._trainer, self._supervisor = runtime, trainer, supervisor

    def fit(
        self, generation: int, data: TrainingSet, start: Arrays
    ) -> tuple[dict[str, Any], NDArray[np.float64]]:
        """The model trained from ``start``, and the mean loss of the last epoch ``[R]``.

        NaN for a replicate whose loss was not finite in any step.
        """
        total, each = self._train.total(data.size), self._train.per_epoch(data.size)
        order = Order(self._streams, generation, data.size, self._train.batch)
        rates = self._rates(generation, total)
        counted = min(each, total)
        done, loss = 0, np.zeros(len(self._streams.seeds))
        kept = self._supervisor.unfinished(generation)
        if kept is not None and kept.steps < total and self._continues(kept.arrays, start):
            done, loss = kept.steps, kept.arrays.pop(_LOSS)
            start = runtime_arrays(self._runtime, kept.arrays)
        state = self._trainer.begin(start)
        while done < total:
            count = min(self._stride, total - done)
            generators = self._streams.generators(generation, f"prepared/{done}")
            batches = self._family.prepared(generators, data.take(order.places(done, count)))
            state, losses = self._trainer.advance(
                state, generation, done, batches, rates(done, count)
            )
            last = np.arange(done, done + count) >= total - counted
            loss, done = loss + losses[last].sum(axis=0), done + count
            loss[~np.isfinite(losses).all(axis=0)] = np.nan  # whatever its last epoch says
            arrays = _arrays(self._runtime, self._trainer, state, loss)
            self._supervisor.step(Step(generation, done, total, losses, arrays))
        return self._kept(self._trainer.model(state)), loss / counted

    def _continues(self, kept: Arrays, start: Arrays) -> bool:
        """True if kept arrays are of this block and have all that its models have."""
        wanted = {_LOSS: (len(self._streams.seeds),)}
        wanted |= {name: tuple(values.shape) for name, values in start.items()}
        return all(name in kept and kept[name].shape == shape for name, shape in wanted.items())

    def _rates(self, generation: int, total: int) -> Callable[[int, int], NDArray[np.float64]]:
        """The learning rates of ``count`` steps after ``first`` of this fit."""
        before, whole = 0, total
        if self._train.over == "loop":
            sizes = [self._train.total(row.size) for row in self._schedule]
            before, whole = sum(sizes[:generation]), sum(sizes)
        return lambda first, count: self._train.rates(before + first, count, whole)

    def _kept(self, model: dict[str, Any]) -> dict[str, Any]:
        """The part of a model that later generations use: the optimiser's means only if carried."""
        if self._train.carry:
            return model
        dropped = ("first/", "second/")
        return {k: v for k, v in model.items() if not k.startswith(dropped) and k != "steps"}

    def served(self, model: Arrays) -> Arrays:
        """The weights that samples and measurements come from."""
        average = self._train.average
        return averaged(model) if average is not None and average.samples else model

    def continued(self, model: Arrays) -> Arrays:
        """The model that a warm start begins at."""
        average = self._train.average
        if average is not None and average.start:
            return {**model, **averaged(model)}
        return model


def averaged(model: Arrays) -> dict[str, Any]:
    """The averaged weights of a model, under the names of the weights."""
    place = "average/"
    return {k.removeprefix(place): v for k, v in model.items() if k.startswith(place)}


def _arrays(
    runtime: Runtime, trainer: Trainer, state: Any, loss: NDArray[np.float64]
) -> Callable[[], dict[str, NDArray[Any]]]:
    return lambda: {**host_arrays(runtime, trainer.model(state)), _LOSS: loss}
