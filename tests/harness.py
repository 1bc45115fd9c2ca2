"""The real loop with the real operations, in memory: an arm and seeds in, metrics out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurse.backend import Runtime, backends
from recurse.loop import Outcome, State, run
from recurse.lowering import Operations, decision
from recurse.lowering.decision import decide
from recurse.lowering.measure import host_arrays, runtime_arrays
from recurse.scenario.scenario import Arm

Array = NDArray[np.float64]


@cache
def runtime(backend: str) -> Runtime:
    """The started backend; one per process, as in a worker."""
    return backends()[backend].start()


def operations(arm: Arm, seeds: Sequence[int], exact: bool | None = None) -> Operations:
    """The operations of the loop; by default lowered as the planner would."""
    chosen = decide(arm).lowering == "statistics" if exact is None else exact
    backend = backends()[arm.backend]
    return decision.operations(arm, tuple(seeds), runtime(arm.backend), backend, chosen)


@dataclass
class Saved:
    """A block after a generation, as a checkpoint holds it: NumPy arrays only."""

    generation: int
    params: dict[str, NDArray[Any]]
    pools: Mapping[str, NDArray[Any]]
    whole: NDArray[np.bool_]


@dataclass
class Record:
    """Everything a block committed; numbers are ``[G+1, R]``, NaN where a generation has none."""

    outcomes: list[Outcome] = field(default_factory=list)
    saved: dict[int, Saved] = field(default_factory=dict)

    def __getitem__(self, metric: str) -> Array:
        none = np.full(len(self.outcomes[0].whole), np.nan)
        return np.stack([outcome.numbers.get(metric, none) for outcome in self.outcomes])

    @property
    def metrics(self) -> set[str]:
        return {name for outcome in self.outcomes for name in outcome.numbers}

    @property
    def whole(self) -> NDArray[np.bool_]:
        """``[G+1, R]``: which replicates were whole."""
        return np.stack([outcome.whole for outcome in self.outcomes])


def simulate(
    arm: Arm,
    seeds: Sequence[int] | int,
    exact: bool | None = None,
    *,
    keep: Sequence[int] = (),
    start: Saved | None = None,
    ops: Operations | None = None,
) -> Record:
    """Run an arm.

    Args:
        arm: what to run, on its own backend.
        seeds: the seeds, or how many.
        exact: on the law of the statistics or on samples; as the planner decides by default.
        keep: generations after which the state is saved.
        start: continue from there.
        ops: prepared operations, for tests that interfere with them.
    """
    chosen = tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)
    ops = ops or operations(arm, chosen, exact)
    started = runtime(arm.backend)
    record, state = Record(), State()
    if start is not None:
        ops.pools.unpack(start.pools)
        schedule = arm.schedule
        assert ops.pools.resume(schedule[start.generation], schedule[start.generation + 1])
        params = runtime_arrays(started, start.params)
        state = State(start.generation, params, start.whole)

    def commit(outcome: Outcome, state: State) -> None:
        record.outcomes.append(outcome)
        if outcome.generation in keep:
            pools = {name: np.array(values) for name, values in ops.pools.pack().items()}
            params = host_arrays(started, state.params)
            assert state.whole is not None
            record.saved[outcome.generation] = Saved(outcome.generation, params, pools, state.whole)

    run(ops, arm.schedule, arm.generations, state, commit)
    return record


def change(arm: Arm, **fields: Any) -> Arm:
    """The arm with other values of some fields."""
    return arm.model_copy(update=fields)
