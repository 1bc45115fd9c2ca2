"""Rewards of points: the preference of a curator, which metrics measure as well."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from recurse.numerics.arrays import Array
from recurse.spec import Spec

Number = Annotated[float, Field(ge=-1e6, le=1e6)]


class Nearness(Spec):
    """``-strength max(0, ||x - target|| - radius)``: Ferbach et al.'s clipped distance."""

    target: Annotated[tuple[Number, ...], Field(min_length=1)]
    radius: Annotated[float, Field(ge=0, le=1e6)] = 0.0
    strength: Annotated[float, Field(gt=0, le=1e6)] = 1.0

    def reward(self, xp: Any, x: Array) -> Array:
        """``r(x)`` of points ``[R, n, d]``: ``[R, n]``."""
        target = xp.asarray(list(self.target), dtype=xp.float64)
        gap = xp.sqrt(xp.sum((xp.astype(x, xp.float64) - target[None, None, :]) ** 2, axis=-1))
        return -self.strength * xp.clip(gap - self.radius, min=0.0)
