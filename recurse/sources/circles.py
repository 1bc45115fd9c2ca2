"""Two concentric circles with normal noise: scikit-learn's ``make_circles``."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recurse.numerics.arrays import Fields
from recurse.numerics.streams import Streams
from recurse.sources import Source, scattered


class Circles(Source):
    """Half of the points evenly spaced on each circle, as scikit-learn places them.

    So a sample is stratified, not independent draws; its order is random, and any part of it is a
    random part.
    """

    kind: Literal["circles"] = "circles"
    cite = "scikit-learn, sklearn.datasets.make_circles"
    noise: Annotated[float, Field(ge=0, le=100)] = 0.05
    """Standard deviation of the normal noise on each coordinate."""
    factor: Annotated[float, Field(ge=0, lt=1)] = 0.8
    """Radius of the inner circle; the outer one has radius 1."""

    @property
    def fields(self) -> dict[str, tuple[int, ...]]:
        return {"x": (2,)}

    def draw(self, streams: Streams, generation: int, purpose: str, n: int) -> Fields:
        return scattered(streams, generation, purpose, self._curve(n), self.noise)

    def second_moment(self, n: int) -> float:
        return float(np.mean(np.sum(self._curve(n) ** 2, axis=1))) + 2.0 * self.noise**2

    def _curve(self, n: int) -> NDArray[np.float64]:
        """The points without noise, ``[n, 2]``."""
        outer, inner = (
            np.linspace(0.0, 2.0 * np.pi, count, endpoint=False) for count in (n // 2, n - n // 2)
        )
        rings = [
            radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
            for radius, angle in ((1.0, outer), (self.factor, inner))
        ]
        return np.concatenate(rings)
