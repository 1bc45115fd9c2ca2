"""Correctors: what is done to synthetic data before the next fit. One file per kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from recurse.families import Family
from recurse.numerics.arrays import Array, Arrays, Host
from recurse.numerics.streams import Streams
from recurse.sources import Batch, Source
from recurse.spec import Kind

Origin = Literal["nothing", "real sample", "true distribution", "external verifier"]


class Corrector(Kind):
    """A map of synthetic samples; it records what share it touched, and whence it knows better."""

    origin: ClassVar[Origin] = "nothing"
    weighs: ClassVar[bool] = False
    """Whether it weighs samples, which families trained by gradient steps do not know."""

    marks: ClassVar[bool] = False
    """Whether it hands on a field ``mark`` ``[R, n]``, 1 for the samples that it means: ``adjust``
    is then given their statistics in all data of the fit, ``marked_<name>``."""
    keeps: ClassVar[tuple[str, ...]] = ()
    """Fields of the data that it works on from generation to generation: ``last/<name>`` among what
    is prepared is that of the real sample at first, then of the batch that it handed on."""

    moves: ClassVar[bool] = False
    """Whether samples that it hands on may have other inputs than those that it was given."""

    def refusal(self, source: Source, fields: tuple[str, ...]) -> str | None:
        """Why it cannot serve this source and these fields, or None."""
        return None

    def suits(self, family: Family[Any]) -> str | None:
        """Why it cannot change the models of this family, or None."""
        return None

    def candidates(self, n: int) -> int:
        """How many samples it wants to see for ``n`` that it hands on."""
        return n

    def prepare(self, streams: Streams, source: Source, real: Batch) -> Host:
        """What it learns from the real sample, once per block."""
        return {}

    def draws(self, streams: Streams, source: Source, generation: int, n: int) -> Host:
        """The numbers it needs in one generation to hand on ``n`` samples."""
        return {}

    def correct(
        self, xp: Any, batch: Arrays, prepared: Arrays, draws: Arrays
    ) -> tuple[Arrays, Array]:
        """The corrected batch of n samples and the share touched, ``[R]``.

        A field ``weight`` ``[R, n]`` in the corrected batch weighs the samples; 0 leaves one out.
        """
        first = next(iter(batch.values()))
        return batch, xp.zeros_like(first[(slice(None),) + (0,) * (first.ndim - 1)])

    def screen(
        self, streams: Streams, generation: int, purpose: str, n: int
    ) -> NDArray[np.float64] | None:
        """Weights ``[R, n]`` of ``n`` real samples, for what cannot tell them apart; None: all 1.

        The real sample is screened once, before the first fit.
        """
        return None

    def adjust(
        self, call: Callable[..., Any], params: Arrays, previous: Arrays, prepared: Arrays
    ) -> Arrays:
        """The model that is kept of the one just fitted; ``previous`` is empty in generation 0.

        ``call(method, ...)`` runs a method of the corrector as a compiled program.
        """
        return params


def without_labels(fields: tuple[str, ...]) -> str | None:
    """Why the labels of a regression are not among the fields that its model samples, or None."""
    if "y" in fields:
        return None
    return f"needs the labels of the regression, and its model keeps {', '.join(fields)} alone"
