"""Rough memory and time of an arm, from counts alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from recurse.families.closed import Closed
from recurse.families.neural import Neural
from recurse.families.roles import Conditional
from recurse.lowering.decision import decide
from recurse.lowering.pools import nested
from recurse.metrics import held_out, sampled
from recurse.scenario.scenario import Arm
from recurse.schedule import Row

_FLOPS = 2e9  # arithmetic per second on one core for small matrices
_TRAINING = 16e9  # the same for networks in single precision
_DRAWN = 100.0  # arithmetic of a number whose law depends on the parameters, drawn on the host
_OVERHEAD = 1e-6  # seconds per replicate and generation, whatever is computed


@dataclass(frozen=True)
class Estimate:
    """For one replicate: peak ``bytes``, and ``seconds`` for all generations on one core."""

    bytes: int
    seconds: float


def estimate(arm: Arm, exact: bool) -> Estimate:
    """The cost of one replicate of an arm."""
    width = sum(math.prod(shape) for shape in arm.model.fields(arm.source).values())
    rows = list(arm.schedule)
    if isinstance(arm.model, Neural):
        return _trained(arm, arm.model, rows, width)
    model, decision = arm.model, decide(arm)
    assert isinstance(model, Closed)
    kept = decision.keeps_samples
    largest = max(row.pooled if kept else max(row.synthesise, row.fresh) for row in rows)
    seen = max(arm.corrector.candidates(row.synthesise) for row in rows)
    largest = max(largest, arm.samples.real, seen)
    numbers = model.numbers(arm.source)
    pools = 1 if nested(arm.schedule) else max(row.pools for row in rows)
    held = 8 * numbers * (pools + 6)
    if not exact:
        held += 8 * width * largest * 3
    measured = 8 * width * (2 * sampled(arm.metrics) + 4 * held_out(arm.metrics))
    beside, _ = model.cost(arm.source, max(row.pooled for row in rows))
    compared = max(metric.beside(arm.source) for metric in arm.metrics)
    held += 8 * (beside + compared) + measured + 8 * 1024 * (width + 2)
    work = model.estimate_cost(arm.source) + (
        _DRAWN * numbers if exact and isinstance(model, Conditional) else 0.0
    )
    work *= len(rows)
    if not exact:
        sizes = (row.size if decision.anew else _new(arm, row) for row in rows)
        work += sum(_looking(arm, row, size) for row, size in zip(rows, sizes, strict=True))
    return Estimate(held, work / _FLOPS + len(rows) * _OVERHEAD)


def _trained(arm: Arm, model: Neural[Any], rows: list[Row], width: int) -> Estimate:
    """Weights with gradient, both moments and what is served; one batch on its way; the pools that
    a generation draws, which are on disk after that."""
    weights, _ = model.cost(arm.source, rows[0].size)
    work = sum(model.cost(arm.source, row.size)[1] for row in rows)
    drawn = max(arm.samples.real, *(row.synthesise + row.fresh for row in rows))
    calls = model.stride(arm.source) * model.train.batch * 2 * width
    numbers = 6 * weights + model.train.batch * model.activations(arm.source) + calls
    numbers += width * (3 * drawn + sampled(arm.metrics) + held_out(arm.metrics))
    return Estimate(4 * numbers, work / _TRAINING)


def measured(arm: Arm, rough: Estimate, seconds: float, generations: int, once: float) -> Estimate:
    """An estimate with a measured time in it.

    Args:
        seconds: per generation of one replicate, in the first ``generations``; where data
            accumulate, later ones cost more in proportion to the estimates.
        once: seconds of compiling that fall to one replicate.
    """
    short = arm.model_copy(update={"generations": min(generations, arm.generations)})
    first = estimate(short, exact=False).seconds / (short.generations + 1)
    growth = estimate(arm, exact=False).seconds / (arm.generations + 1) / first
    return Estimate(rough.bytes, once + seconds * growth * (arm.generations + 1))


def _new(arm: Arm, row: Row) -> int:
    """Samples that come into being before a fit."""
    return row.synthesise + row.fresh if row.generation else arm.samples.real


def _looking(arm: Arm, row: Row, size: int) -> float:
    """Arithmetic of drawing, of a fit that looks at ``size`` samples, and of held-out data."""
    assert isinstance(arm.model, Closed)
    width = sum(math.prod(shape) for shape in arm.model.fields(arm.source).values())
    drawn = arm.corrector.candidates(row.synthesise) + row.fresh
    _, fitting = arm.model.cost(arm.source, size)
    points = held_out(metric for metric in arm.metrics if metric.quantity)
    density = points * arm.model.density_cost(arm.source, size)
    return 4.0 * width * width * (size + drawn) + fitting + density
