"""One block from its newest checkpoint to its last generation: every generation is one fragment."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurse.backend import Backend, Runtime
from recurse.engines import png
from recurse.engines.keeper import Keeper, Telling
from recurse.loop import Outcome, State, run
from recurse.lowering import Operations
from recurse.lowering.decision import operations
from recurse.lowering.measure import host_arrays, runtime_arrays
from recurse.scenario.scenario import Arm
from recurse.store import checkpoint
from recurse.store.staging import Artifact, Fragment, write_fragment

_PICTURES = 100  # generations of which pictures are kept
_SHORT = 0.1  # of the seconds between checkpoints: what takes longer to train is saved at once


@dataclass(frozen=True)
class Task:
    """A block of a frozen plan, as a worker gets it."""

    run: str
    block: str
    arm: Arm
    seeds: tuple[int, ...]
    cells: tuple[str, ...]
    exact: bool
    done: int
    last: int
    every: float
    """Seconds of work that a kill may cost, beside the generation under way."""
    coordinator: int = field(default_factory=os.getppid)
    """The process that asked for the block; the worker's parent as long as that process lives."""

    def waited_for(self) -> None:
        """Look if the coordinator is there.

        Raises:
            Orphaned: it is gone.
        """
        if os.getppid() != self.coordinator:
            raise Orphaned


class Orphaned(Exception):
    """The coordinator is gone; its successor will run this block."""


Report = Callable[[int, Mapping[str, float]], None]
"""Called after every generation with what the training recorded, averaged over replicates."""


def execute(
    task: Task,
    backend: Backend,
    runtime: Runtime,
    store: Path,
    report: Report,
    training: Telling = lambda what: None,
) -> None:
    """Run a block and stage its results."""
    keeper = Keeper(store, task.block, task.every, task.waited_for, training)
    asked = (task.arm, task.seeds, runtime, backend, task.exact, keeper)
    ops = operations(*asked)
    saved = checkpoint.newest(store / "checkpoints", task.block, task.done)
    state = None if saved is None else _restored(task, runtime, ops, saved)
    if saved is not None and state is None:
        ops = operations(*asked)  # what was put back must not be added to
    state = state or State()
    recorder = _Recorder(task, runtime, ops, store, report, keeper, state.whole)
    run(ops, task.arm.schedule, task.last, state, recorder.commit)


def _restored(
    task: Task, runtime: Runtime, ops: Operations, saved: checkpoint.Checkpoint
) -> State | None:
    """The state in a checkpoint, its pools put back where they were.

    None if pools are missing, or if the state has another number of replicates.
    """
    arrays = saved.arrays
    if len(arrays["whole"]) != len(task.seeds):
        return None
    params = {k.removeprefix("params/"): v for k, v in arrays.items() if k.startswith("params/")}
    pools = {k.removeprefix("pools/"): v for k, v in arrays.items() if k.startswith("pools/")}
    ops.pools.unpack(pools)
    schedule = task.arm.schedule
    if not ops.pools.resume(schedule[saved.generation], schedule[saved.generation + 1]):
        return None
    return State(saved.generation, runtime_arrays(runtime, params), arrays["whole"])


class _Recorder:
    """Turns outcomes into fragments and, now and then, checkpoints."""

    def __init__(
        self,
        task: Task,
        runtime: Runtime,
        ops: Operations,
        store: Path,
        report: Report,
        keeper: Keeper,
        whole: NDArray[np.bool_] | None,
    ) -> None:
        self._task = task
        self._runtime = runtime
        self._ops = ops
        self._store = store
        self._report = report
        self._keeper = keeper
        self._saved = time.monotonic()
        self._compiled = runtime.compile_seconds()  # that of earlier blocks of this worker
        self._whole = np.ones(len(task.seeds), dtype=bool) if whole is None else whole
        self._trains = task.arm.model.trained
        self._numerics = {
            "backend": task.arm.backend,
            "lowering": "statistics" if task.exact else "samples",
            "dtype": "float32" if task.arm.model.trained else "float64",
            "width": str(len(task.seeds)),
            **runtime.numerics(),
        }

    def commit(self, outcome: Outcome, state: State) -> None:
        """Stage one generation. The result is durable before the state that follows it."""
        self._task.waited_for()
        if outcome.generation > self._task.done:
            write_fragment(self._store / "stage", self._fragment(outcome))
        self._whole = outcome.whole
        now = time.monotonic()
        due = now - self._saved >= self._task.every or outcome.generation == self._task.last
        if due or (self._trains and outcome.seconds >= _SHORT * self._task.every):
            self._save(state)
            self._saved = time.monotonic()
        trained = {k: v for k, v in outcome.numbers.items() if k == "train_loss"}
        self._report(outcome.generation, {k: float(np.nanmean(v)) for k, v in trained.items()})

    def _save(self, state: State) -> None:
        packed = self._ops.pools.pack()
        params = host_arrays(self._runtime, state.params)
        arrays = {f"params/{name}": values for name, values in params.items()}
        arrays |= {f"pools/{name}": values for name, values in packed.items()}
        arrays["whole"] = np.asarray(state.whole)
        root = self._store / "checkpoints"
        checkpoint.save(root, self._task.block, state.generation, arrays, self._numerics)
        self._keeper.saved()
        if self._trains:
            self._keeper.committed()

    def _fragment(self, outcome: Outcome) -> Fragment:
        task = self._task
        alive = np.flatnonzero(outcome.whole).tolist()
        lost = np.flatnonzero(self._whole & ~outcome.whole).tolist()
        reason = f"the model of generation {outcome.generation} is not finite"
        rows = sorted([*alive, *lost])
        values = np.stack([numbers[rows] for numbers in outcome.numbers.values()], axis=1)
        compiled = self._runtime.compile_seconds()
        spent, self._compiled = compiled - self._compiled, compiled
        return Fragment(
            run=task.run,
            block=task.block,
            generation=outcome.generation,
            cells=tuple(task.cells[i] for i in rows),
            metrics=tuple(outcome.numbers),
            values=values,
            failures={task.cells[i]: self._keeper.reason(i) or reason for i in lost},
            numerics=self._numerics,
            seconds=max(outcome.seconds - spent, 0.0),
            compile_seconds=spent,
            artifacts=self._pictures(outcome),
        )

    def _pictures(self, outcome: Outcome) -> tuple[Artifact, ...]:
        wanted = outcome.images is not None and 0 in self._task.seeds[:1]
        if not wanted or outcome.generation > _PICTURES or not outcome.whole[0]:
            return ()
        assert outcome.images is not None
        data: Any = png.strip(outcome.images)
        return (Artifact(self._task.cells[0], "gallery", "image/png", data),)
