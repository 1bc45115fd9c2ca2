"""A rolled-up sheet in three dimensions: scikit-learn's ``make_swiss_roll``."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from recurse.numerics.arrays import Fields
from recurse.numerics.streams import Normal, Streams, Uniform
from recurse.sources import Source

_HEIGHT = 21.0


class SwissRoll(Source):
    """``(t cos t, 21 v, t sin t)`` with ``t = 1.5 pi (1 + 2 u)`` and uniform ``u``, ``v``."""

    kind: Literal["swiss_roll"] = "swiss_roll"
    cite = "Marsland 2009; scikit-learn, sklearn.datasets.make_swiss_roll"
    noise: Annotated[float, Field(ge=0, le=100)] = 0.0
    """Standard deviation of the normal noise on each coordinate."""

    @property
    def fields(self) -> dict[str, tuple[int, ...]]:
        return {"x": (3,)}

    def draw(self, streams: Streams, generation: int, purpose: str, n: int) -> Fields:
        u = streams.draw(generation, f"{purpose}/u", Uniform((n, 2)))
        z = streams.draw(generation, f"{purpose}/z", Normal((n, 3)))
        t = 1.5 * np.pi * (1.0 + 2.0 * u[..., 0])
        roll = np.stack([t * np.cos(t), _HEIGHT * u[..., 1], t * np.sin(t)], axis=-1)
        return {"x": roll + self.noise * z}

    def second_moment(self, n: int) -> float:
        """``E t^2 = (1.5 pi)^2 13/3``, and a third of the squared height."""
        return (1.5 * np.pi) ** 2 * 13.0 / 3.0 + _HEIGHT**2 / 3.0 + 3.0 * self.noise**2
