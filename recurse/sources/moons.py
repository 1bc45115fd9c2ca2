"""Two interleaved half circles with normal noise: scikit-learn's ``make_moons``."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recurse.numerics.arrays import Fields
from recurse.numerics.streams import Streams
from recurse.sources import Source, scattered


class Moons(Source):
    """Half of the points evenly spaced on each half circle, as scikit-learn places them.

    So a sample is stratified, not independent draws; its order is random, and any part of it is a
    random part.
    """

    kind: Literal["moons"] = "moons"
    cite = "scikit-learn, sklearn.datasets.make_moons"
    noise: Annotated[float, Field(ge=0, le=100)] = 0.05
    """Standard deviation of the normal noise on each coordinate."""

    @property
    def fields(self) -> dict[str, tuple[int, ...]]:
        return {"x": (2,)}

    def draw(self, streams: Streams, generation: int, purpose: str, n: int) -> Fields:
        return scattered(streams, generation, purpose, _curve(n), self.noise)

    def second_moment(self, n: int) -> float:
        return float(np.mean(np.sum(_curve(n) ** 2, axis=1))) + 2.0 * self.noise**2


def _curve(n: int) -> NDArray[np.float64]:
    """The points without noise, ``[n, 2]``."""
    outer, inner = (np.linspace(0.0, np.pi, count) for count in (n // 2, n - n // 2))
    above = np.stack([np.cos(outer), np.sin(outer)], axis=1)
    below = np.stack([1.0 - np.cos(inner), 0.5 - np.sin(inner)], axis=1)
    return np.concatenate([above, below])
