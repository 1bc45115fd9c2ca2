"""The generation loop, written once for every family, backend and lowering.

theta[0] = fit(real)
for g in 1..G:
    synthetic[g] = corrector(sample(theta[g-1], schedule[g].synthesise))
    data         = gather(real, fresh[g], synthetic[1..g], schedule[g])
    theta[g]     = fit(data, from scratch or from theta[g-1])
    commit(measure(theta[g]))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurse.lowering import Numbers, Operations
from recurse.numerics.arrays import Arrays
from recurse.schedule import REAL, Pool, Schedule


@dataclass(frozen=True)
class Outcome:
    """The results of one generation of a block."""

    generation: int
    numbers: Numbers
    """Metrics and the numbers that fit and corrector recorded, ``[R]`` each."""
    whole: NDArray[np.bool_]
    """``[R]``: replicates whose model is finite in this and all earlier generations."""
    images: NDArray[Any] | None
    seconds: float


@dataclass
class State:
    """The state of a block: all that the next generation needs, beside the pools."""

    generation: int = -1
    params: Arrays = field(default_factory=dict)
    whole: NDArray[np.bool_] | None = None


Commit = Callable[[Outcome, State], None]


def run(ops: Operations, schedule: Schedule, last: int, state: State, commit: Commit) -> None:
    """Run generations ``state.generation + 1`` to ``last``; one commit each.

    A resumed state comes with its pools; the real sample is drawn again, since that costs little
    and later generations may share its design.
    """
    began = perf_counter()
    real = ops.real(schedule.real)
    if state.generation < 0:
        ops.pools.add(REAL, real)
        began = _generation(ops, schedule, 0, {}, state, commit, began)
    while state.generation < last:
        generation = state.generation + 1
        row = schedule[generation]
        recorded: Numbers = {}
        if row.synthesise:
            pool, recorded = ops.synthesise(generation, state.params, row.synthesise)
            ops.pools.add(Pool("synthetic", generation), pool)
        if row.fresh:
            ops.pools.add(Pool("fresh", generation), ops.fresh(generation, row.fresh))
        began = _generation(ops, schedule, generation, recorded, state, commit, began)


def _generation(
    ops: Operations,
    schedule: Schedule,
    generation: int,
    recorded: Numbers,
    state: State,
    commit: Commit,
    began: float,
) -> float:
    """Fit, measure and commit one generation; returns when the next one begins."""
    previous = state.params or None
    fitted, trained = ops.fit(generation, ops.pools.gather(schedule[generation]), previous)
    params, whole = ops.finite(fitted, previous)
    state.whole = whole if state.whole is None else state.whole & whole
    state.generation, state.params = generation, params
    numbers = {**ops.measure(generation, params), **recorded, **trained}
    ops.pools.forget(schedule[generation + 1])
    images = ops.images(generation, params)
    now = perf_counter()
    commit(Outcome(generation, numbers, state.whole, images, now - began), state)
    return perf_counter()
