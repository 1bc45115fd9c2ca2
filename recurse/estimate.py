"""Rough memory and time of an arm, from counts alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

from recurse.families import Closed, Network
from recurse.lowering.pools import nested, whole
from recurse.scenario import Arm

_FLOPS = 2e9  # arithmetic per second on one core for small matrices
_DRAWN = 200.0  # arithmetic of a number whose law depends on the parameters, drawn on the host
_OVERHEAD = 2e-6  # seconds per replicate and generation, whatever is computed


@dataclass(frozen=True)
class Estimate:
    """For one replicate: peak ``bytes``, and ``seconds`` for all generations on one core."""

    bytes: int
    seconds: float


def estimate(arm: Arm, exact: bool) -> Estimate:
    """The cost of one replicate of an arm."""
    width = sum(math.prod(shape) for shape in arm.model.fields(arm.source).values())
    rows = list(arm.schedule)
    remembers = isinstance(arm.model, Closed) and arm.model.remembers
    kept = whole(arm.schedule) is None and not remembers
    largest = max(row.pooled if not kept else max(row.synthesise, row.fresh) for row in rows)
    seen = max(arm.corrector.candidates(row.synthesise) for row in rows)
    largest = max(largest, arm.samples.real, seen)
    if isinstance(arm.model, Network):
        weights, work = arm.model.cost(arm.source, rows[-1].size)
        data = 8 * width * rows[-1].size
        return Estimate(16 * weights + data, arm.generations * work / (4 * _FLOPS))
    assert isinstance(arm.model, Closed)
    numbers = arm.model.numbers(arm.source)
    statistics = 8 * numbers
    pools = 1 if nested(arm.schedule) else max(row.pools for row in rows)
    held = statistics * (pools + 6)
    if not exact:
        held += 8 * width * largest * 3
    measured = max(getattr(metric, "samples", 0) for metric in arm.metrics) * width * 8 * 2
    work = 4.0 * width**3 + (0.0 if exact else 4.0 * width * width * largest)
    beside, fitting = arm.model.cost(arm.source, max(row.pooled for row in rows))
    held, work = held + 8 * beside, work + fitting
    work += _DRAWN * numbers if exact and arm.model.conditional else 0.0
    seconds = arm.generations * (work / _FLOPS + _OVERHEAD)
    return Estimate(held + measured + 8 * 1024 * (width + 2), seconds)
