"""Zeros and ones."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from recurse.numerics.arrays import Fields
from recurse.numerics.streams import Streams, Uniform
from recurse.sources.scalar import Scalar


class BernoulliSource(Scalar):
    """1 with probability ``p``, else 0."""

    kind: Literal["bernoulli"] = "bernoulli"
    cite = "Suresh et al. 2412.17646, Theorem 1"
    law: ClassVar[str | None] = "bernoulli"
    p: Annotated[float, Field(gt=0, lt=1)] = 0.5

    @property
    def theta(self) -> float:
        return self.p

    def draw(self, streams: Streams, generation: int, purpose: str, n: int) -> Fields:
        u = streams.draw(generation, f"{purpose}/u", Uniform((n, 1)))
        return {"x": (u < self.p).astype(np.float64)}
