"""The random numbers of an arm: which streams are opened and what is drawn from them, counted.

A family says what it draws, so that nothing here depends on which family it is. What is drawn on
the host dominates small models: a stream costs as much as some hundred numbers.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from recurse.families.closed import Closed
from recurse.families.roles import Conditional, Exact, Pointwise
from recurse.metrics import sampled
from recurse.numerics.streams import (
    ChiSquare,
    Draw,
    Integers,
    Normal,
    Subset,
    Uniform,
    span_of,
)
from recurse.scenario.scenario import Arm
from recurse.schedule import Row

_OPENED = 5e-6  # seconds to open a stream
_GIVEN = 65e-9  # seconds of a number whose law depends on the parameters: binomial, Poisson
_SECONDS: dict[type[Draw], float] = {
    Normal: 12e-9,
    Uniform: 5e-9,
    ChiSquare: 60e-9,
    Integers: 8e-9,
    Subset: 12e-9,
}


class Drawn(NamedTuple):
    """The draws of one replicate in a generation, or in one of its parts."""

    streams: float
    """Streams opened; one that serves several generations counts in part."""
    numbers: float
    seconds: float


_NOTHING = Drawn(0.0, 0.0, 0.0)


def drawing(arm: Arm, exact: bool, rows: Sequence[Row]) -> float:
    """Seconds that one replicate spends on random numbers in these generations."""
    known: dict[tuple[int, ...], Drawn] = {}
    total = 0.0
    for row in rows:
        sizes = _sizes(arm, row)
        if sizes not in known:
            known[sizes] = drawn(arm, exact, row, len(rows))
        total += known[sizes].seconds
    return total


def drawn(arm: Arm, exact: bool, row: Row, generations: int) -> Drawn:
    """The draws of one replicate in a generation: pools, fit, subsample and evaluation.

    A small request is served for several of the ``generations`` in one go, needed or not; each of
    them bears its share.
    """
    parts = [_requests(part, generations) for part in _asked(arm, exact, row)]
    parts += [Drawn(1.0, n, _OPENED + _GIVEN * n) for n in _given(arm, exact, row)]
    return Drawn(*map(sum, zip(_NOTHING, *parts, strict=True)))


def _sizes(arm: Arm, row: Row) -> tuple[int, ...]:
    """The facts that the draws of a generation depend on."""
    budget = () if row.budget is None else (row.pooled, row.budget)
    return (*_pools(arm, row), -1, *budget)


def _pools(arm: Arm, row: Row) -> list[int]:
    """The sizes of the pools that come into being before a fit."""
    if not row.generation:
        return [arm.samples.real]
    return [n for n in (arm.corrector.candidates(row.synthesise), row.fresh) if n]


def _asked(arm: Arm, exact: bool, row: Row) -> Iterator[Collection[Draw]]:
    """Requests by what they are for; a source is taken to draw what a model draws."""
    assert isinstance(arm.model, Closed)
    model = arm.model.completed(arm.source)
    noise = model.noise
    if exact and isinstance(model, Exact):
        noise = model.statistics_noise
    yield from (noise(arm.source, n).values() for n in _pools(arm, row))
    if count := sampled(arm.metrics):
        yield model.noise(arm.source, count).values()
    if isinstance(model, Pointwise):
        yield model.fit_noise(arm.source).values()
    if row.budget is not None:
        shape = (row.budget,)
        yield [Integers(row.pooled, shape) if row.replacement else Subset(row.pooled, row.budget)]


def _given(arm: Arm, exact: bool, row: Row) -> list[int]:
    """The count of numbers that each pool takes from laws that depend on the parameters.

    A family that asks for no other numbers draws all its samples so.
    """
    assert isinstance(arm.model, Closed)
    model = arm.model.completed(arm.source)
    if not isinstance(model, Conditional):
        return []
    if exact:
        return [model.numbers(arm.source) for _ in _pools(arm, row)]
    return [n for n in _pools(arm, row) if not model.noise(arm.source, n)]


def _requests(requests: Collection[Draw], generations: int) -> Drawn:
    streams = numbers = seconds = 0.0
    for request in requests:
        span = span_of(request)
        opened = math.ceil(generations / span) / generations
        size = opened * span * math.prod(request.shape)
        looked = request.total if isinstance(request, Subset) else size
        streams, numbers = streams + opened, numbers + size
        seconds += opened * _OPENED + looked * _SECONDS.get(type(request), _GIVEN)
    return Drawn(streams, numbers, seconds)
