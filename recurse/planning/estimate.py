"""Rough memory and time of an arm, from counts alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from recurse.families.closed import Closed
from recurse.families.neural import Neural
from recurse.lowering.decision import decide
from recurse.lowering.pools import nested
from recurse.metrics import held_out, sampled
from recurse.planning.drawing import drawing
from recurse.scenario.scenario import Arm
from recurse.schedule import Row

_FLOPS = 2e9  # arithmetic per second on one core for small matrices
_LARGE = 64.0  # the width of a matrix from which on arithmetic is so much faster: blocks, vectors
_FASTEST = 5.0  # by so much at most
_TRAINING = 16e9  # the same for networks in single precision
_PER_ROW = 2e-6  # seconds of a replicate and generation, whatever is computed
_PER_VALUE = 1.5e-6  # seconds of a metric's value: measured, written as text, put on disk
_PER_REPLICATE = 5e-5  # seconds of a replicate, once: its streams are named, its truth laid out
_PER_BLOCK = 1e-3  # seconds of a generation, however many replicates: calls, a file to disk
_CORRECTED = 200.0  # arithmetic of looking at a sample, and often of ordering it, in a corrector
_PASSES = 24.0  # arithmetic of a number that is drawn, shaped, carried to the backend and summed


@dataclass(frozen=True)
class Estimate:
    """For one replicate: peak ``bytes``, and ``seconds`` for all generations on one core.

    ``beside`` are seconds of a block for all generations, however many replicates it has.
    """

    bytes: int
    seconds: float
    beside: float = 0.0

    def block(self, replicates: int) -> float:
        """Seconds of a block for all generations."""
        return self.seconds * replicates + self.beside


def estimate(arm: Arm, exact: bool) -> Estimate:
    """The cost of one replicate of an arm."""
    beside = (arm.generations + 1) * _PER_BLOCK
    rows = list(arm.schedule)
    if isinstance(arm.model, Neural):
        return _trained(arm, arm.model, rows, beside)
    work = sum(_arithmetic(arm, exact, rows)) / _FLOPS
    told = len(rows) * (_PER_ROW + _PER_VALUE * len(arm.metrics))
    seconds = work + drawing(arm, exact, rows) + told + _PER_REPLICATE
    return Estimate(_bytes(arm, exact, rows), seconds, beside)


def _bytes(arm: Arm, exact: bool, rows: Sequence[Row]) -> int:
    """The most memory that a replicate holds at a time."""
    model, decision = arm.model, decide(arm)
    assert isinstance(model, Closed)
    width = sum(math.prod(shape) for shape in model.fields(arm.source).values())
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
    return held + 8 * (beside + compared) + measured + 8 * 1024 * (width + 2)


def _arithmetic(arm: Arm, exact: bool, rows: Sequence[Row]) -> Iterator[float]:
    """Operations of every generation, random numbers left out."""
    model = arm.model
    assert isinstance(model, Closed)
    width = sum(math.prod(shape) for shape in model.fields(arm.source).values())
    compared = max(metric.beside(arm.source) for metric in arm.metrics)
    each = model.estimate_cost(arm.source) / min(1.0 + width / _LARGE, _FASTEST)
    each += _PASSES * model.numbers(arm.source)
    each += _PASSES * width * sampled(arm.metrics) + 8.0 * compared
    corrected = 0.0 if arm.corrector.kind == "none" else _CORRECTED
    anew = decide(arm).anew
    for row in rows:
        if exact:
            yield each + _density(arm, row.size)
        else:
            new = _new(arm, row)
            size = row.size if anew else new
            sums = (4.0 * width + _PASSES) * width * (size + new) + corrected * new
            yield each + sums + model.cost(arm.source, size)[1] + _density(arm, size)


def _trained(arm: Arm, model: Neural[Any], rows: Sequence[Row], beside: float) -> Estimate:
    """Training and sampling.

    In memory are the weights with gradient, moments and what is served, one call's batches, what
    the net keeps of one batch, and the pools that a generation draws, which are on disk after that.
    """
    width = sum(math.prod(shape) for shape in model.fields(arm.source).values())
    weights, _ = model.cost(arm.source, rows[0].size)
    work = sum(model.cost(arm.source, row.size)[1] for row in rows)
    through = sum(part.net.operations(part.port) for part in model.parts(arm.source).values())
    samples = sum(arm.corrector.candidates(row.synthesise) + sampled(arm.metrics) for row in rows)
    work += 2.0 * through * max(model.rounds, 1) * samples
    drawn = max(arm.samples.real, *(row.synthesise + row.fresh for row in rows))
    numbers = 6 * weights + model.train.batch * model.activations(arm.source)
    numbers += 2 * width * model.stride(arm.source) * model.train.batch
    numbers += width * (3 * drawn + sampled(arm.metrics) + held_out(arm.metrics))
    return Estimate(4 * numbers, work / _TRAINING, beside)


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
    spent = once + seconds * growth * (arm.generations + 1)
    return Estimate(rough.bytes, spent)


def _new(arm: Arm, row: Row) -> int:
    """Samples that come into being before a fit."""
    made = arm.corrector.candidates(row.synthesise) + row.fresh
    return made if row.generation else arm.samples.real


def _density(arm: Arm, size: int) -> float:
    """Arithmetic of looking at held-out data with a fit to ``size`` samples."""
    assert isinstance(arm.model, Closed)
    points = held_out(metric for metric in arm.metrics if metric.quantity)
    return points * arm.model.density_cost(arm.source, size) if points else 0.0
