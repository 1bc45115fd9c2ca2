"""A normal law whose center is unknown and whose spread is known."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from recurse.numerics.arrays import Fields
from recurse.numerics.streams import Normal, Streams
from recurse.sources.scalar import Scalar


class LocationSource(Scalar):
    """``N(center, scale^2)``; the family knows the scale."""

    kind: Literal["location"] = "location"
    cite = "Dey & Donoho 2410.22812, location models"
    law: ClassVar[str | None] = "location"
    center: float = 0.0
    scale: Annotated[float, Field(gt=0)] = 1.0
    """The standard deviation."""

    @property
    def theta(self) -> float:
        return self.center

    def draw(self, streams: Streams, generation: int, purpose: str, n: int) -> Fields:
        z = streams.draw(generation, f"{purpose}/z", Normal((n, 1)))
        return {"x": self.center + self.scale * z}
