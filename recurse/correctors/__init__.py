"""Correctors: what is done to synthetic data before the next fit. One file per kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recurse.families import Family
from recurse.numerics.arrays import Array, Arrays, Batch, Fields, Host
from recurse.numerics.streams import Streams
from recurse.sources import Source
from recurse.spec import Kind

Origin = Literal["nothing", "real sample", "true distribution", "external verifier"]


class Prepared(NamedTuple):
    """The knowledge of a corrector before it acts."""

    learned: Arrays
    """The result of ``prepare``."""
    last: Arrays
    """The fields that it ``keeps``: those of the real sample at first, then of the batch that it
    handed on last."""
    marked: Arrays
    """Statistics of the samples that it marked, in all data of a fit; for ``adjust`` only."""


class Corrector(Kind):
    """A map of synthetic samples; it records the share that it touched, and where its extra
    information comes from."""

    origin: ClassVar[Origin] = "nothing"
    weighs: ClassVar[bool] = False
    """True if it weighs samples, which families trained by gradient steps do not know."""
    marks: ClassVar[bool] = False
    """True if it marks the samples that it means: ``adjust`` is then given their statistics."""
    keeps: ClassVar[tuple[str, ...]] = ()
    """Fields of the data that it works on from generation to generation: see ``Prepared.last``."""
    moves: ClassVar[bool] = False
    """True if samples that it hands on may have other inputs than those that it was given."""

    def refusal(self, source: Source, fields: tuple[str, ...]) -> str | None:
        """The reason why the corrector cannot serve this source and these fields, or None."""
        return None

    def suits(self, family: Family[Any]) -> str | None:
        """The reason why the corrector cannot change the models of this family, or None."""
        return None

    def candidates(self, n: int) -> int:
        """The number of samples that the corrector wants to see for ``n`` that it hands on."""
        return n

    def prepare(self, streams: Streams, source: Source, real: Fields) -> Host:
        """Arrays learned from the real sample, once per block."""
        return {}

    def draws(self, streams: Streams, source: Source, generation: int, n: int) -> Host:
        """The numbers it needs in one generation to hand on ``n`` samples."""
        return {}

    def correct(
        self, xp: Any, batch: Arrays, prepared: Prepared, draws: Arrays
    ) -> tuple[Batch, Array]:
        """The corrected batch of n samples and the share touched, ``[R]``."""
        first = next(iter(batch.values()))
        return Batch(batch), xp.zeros_like(first[(slice(None),) + (0,) * (first.ndim - 1)])

    def screen(
        self, streams: Streams, generation: int, purpose: str, n: int
    ) -> NDArray[np.float64] | None:
        """Weights ``[R, n]`` of ``n`` real samples, of a corrector that takes some of them for
        synthetic; None: all 1.

        The real sample is screened once, before the first fit.
        """
        return None

    def adjust(
        self, call: Callable[..., Any], params: Arrays, previous: Arrays, prepared: Prepared
    ) -> Arrays:
        """The model that is kept of the one just fitted; ``previous`` is empty in generation 0.

        ``call(method, ...)`` runs a method of the corrector as a compiled program.
        """
        return params


def without_labels(fields: tuple[str, ...]) -> str | None:
    """The reason why labels are not among the fields that a regression samples, or None."""
    if "y" in fields:
        return None
    return f"needs the labels of the regression, and its model keeps {', '.join(fields)} alone"
