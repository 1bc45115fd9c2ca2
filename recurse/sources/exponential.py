"""Waiting times with an exponential law."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from recurse.numerics.arrays import Fields
from recurse.numerics.streams import Streams, Uniform
from recurse.sources.scalar import Scalar


class ExponentialSource(Scalar):
    """Density ``exp(-x / mean) / mean`` on the positive numbers."""

    kind: Literal["exponential"] = "exponential"
    cite = "Barzilai & Shamir 2505.19046, experiments"
    law: ClassVar[str | None] = "exponential"
    mean: Annotated[float, Field(gt=0)] = 1.0

    @property
    def theta(self) -> float:
        return self.mean

    def draw(self, streams: Streams, generation: int, purpose: str, n: int) -> Fields:
        u = streams.draw(generation, f"{purpose}/u", Uniform((n, 1)))
        return {"x": -self.mean * np.log1p(-u)}
