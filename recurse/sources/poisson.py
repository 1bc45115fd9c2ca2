"""Counts with a Poisson law."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from recurse.numerics.arrays import Fields
from recurse.numerics.streams import Streams
from recurse.sources.scalar import Scalar


class PoissonSource(Scalar):
    """``Poisson(rate)``."""

    kind: Literal["poisson"] = "poisson"
    cite = "Suresh et al. 2412.17646, Theorem 2"
    law: ClassVar[str | None] = "poisson"
    rate: Annotated[float, Field(gt=0, le=1e9)] = 1.0

    @property
    def theta(self) -> float:
        return self.rate

    def draw(self, streams: Streams, generation: int, purpose: str, n: int) -> Fields:
        def counts(generator: np.random.Generator, replicate: int) -> np.ndarray:
            return generator.poisson(self.rate, (n, 1)).astype(np.float64)

        return dict(streams.given(generation, purpose, {"x": counts}))
