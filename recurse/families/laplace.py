"""A Laplace law of known width around a fitted center: a model that need not hold the truth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from recurse.families.location import median_cost, weighted_median
from recurse.families.roles import Pointwise
from recurse.numerics.arrays import Array, Arrays
from recurse.numerics.streams import Draw, Uniform
from recurse.sources import Source


class Laplace(Pointwise[Source]):
    """``exp(-|x - theta| / width) / (2 width)``; the median is its maximum-likelihood fit.

    Fitted to normal data it is the smallest model of a law that it does not contain, at a distance
    that the width sets.
    """

    kind: Literal["laplace"] = "laplace"
    cite = "Bertrand et al. 2310.00429 (a model that does not hold the data, epsilon > 0)"
    law: ClassVar[str] = "location"
    needs: ClassVar[tuple[str, ...]] = ("x",)
    parameters: ClassVar[tuple[str, ...]] = ("theta",)
    quantities: ClassVar[tuple[str, ...]] = ("log_prob",)
    width: Annotated[float, Field(gt=0)] = 1.0
    """The mean distance of a sample from the center; not fitted. For a normal law of deviation s
    the likeliest is ``s sqrt(2/pi) = 0.798 s``."""

    def refusal(self, source: Source) -> str | None:
        if source.law != self.law:
            return f"'{self.kind}' is fitted to numbers around a center, not to '{source.kind}'"
        return None

    def cost(self, source: Source, size: int) -> tuple[int, float]:
        return median_cost(size)

    def statistics(self, xp: Any, batch: Arrays, weights: Array) -> dict[str, Array]:
        return {"x": batch["x"][..., 0], "weight": weights}

    def estimate(self, xp: Any, statistics: Arrays) -> dict[str, Array]:
        return {"theta": weighted_median(xp, statistics["x"], statistics["weight"])}

    def noise(self, source: Source, n: int) -> Mapping[str, Draw]:
        return {"u": Uniform((n,))}

    def sample(
        self, xp: Any, source: Source, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        u = noise["u"] - 0.5
        tail = 1.0 - 2.0 * xp.abs(u)
        # The end of the interval, u = 0 exactly, has no finite logarithm.
        distance = -xp.log(xp.where(tail > 0.0, tail, 2.0**-54))
        away = xp.where(u < 0.0, -distance, distance)
        return {"x": (params["theta"][:, None] + self.width * away)[..., None]}

    def evaluate(self, xp: Any, source: Source, params: Arrays, data: Arrays) -> Array:
        distance = xp.abs(data["x"][..., 0] - params["theta"][:, None]) / self.width
        return xp.mean(-distance, axis=1) - math.log(2.0 * self.width)
