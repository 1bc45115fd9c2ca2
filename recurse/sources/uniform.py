"""Uniform numbers in a box."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recurse.numerics.arrays import Fields
from recurse.numerics.streams import Streams, Uniform
from recurse.sources import Source


class UniformSource(Source):
    """Independent coordinates, uniform between ``low`` and ``high``."""

    kind: Literal["uniform"] = "uniform"
    dim: Annotated[int, Field(ge=1, le=10_000)] = 1
    low: Annotated[float, Field(ge=-1e6, le=1e6)] = 0.0
    """The lower end of every coordinate."""
    high: Annotated[float, Field(ge=-1e6, le=1e6)] = 1.0
    """The upper end of every coordinate."""

    @property
    def fields(self) -> dict[str, tuple[int, ...]]:
        return {"x": (self.dim,)}

    def draw(self, streams: Streams, generation: int, purpose: str, n: int) -> Fields:
        u = streams.draw(generation, f"{purpose}/u", Uniform((n, self.dim)))
        return {"x": self.low + (self.high - self.low) * u}

    def second_moment(self, n: int) -> float:
        return self.dim * (self.low**2 + self.low * self.high + self.high**2) / 3.0

    def log_density(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        inside = np.all((x >= self.low) & (x <= self.high), axis=-1)
        return np.where(inside, -self.dim * math.log(self.high - self.low), -np.inf)

    def rarity(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """All that is inside is equally likely."""
        return np.where(np.isfinite(self.log_density(x)), 1.0, 0.0)

    def problems(self) -> list[tuple[str, str, str]]:
        if self.high > self.low:
            return []
        return [("high", "E204", f"is {self.high:g}, not above low, which is {self.low:g}")]
