"""Location models: a normal law of known spread, centered by the mean or by the median."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from recurse.families.one_parameter import OneParameter
from recurse.numerics.arrays import Array, Arrays
from recurse.numerics.streams import Draw, Normal
from recurse.schedule import Row
from recurse.sources.location import LocationSource
from recurse.sources.scalar import Scalar


class Location(OneParameter):
    """``N(theta, scale^2)`` with the source's scale.

    The median of a union is no function of the medians, so the statistics of ``median`` are the
    samples themselves with their weights: memory grows with the pool. An even number of samples has
    the mean of the middle two for its median.
    """

    kind: Literal["location"] = "location"
    cite = "Dey & Donoho 2410.22812, location models"
    curvature: ClassVar[float | None] = 0.0
    estimator: Literal["mean", "median"] = "mean"
    """The estimator of the center; the median's variance is pi/2 times that of the mean."""

    def variance(self, source: Scalar) -> float:
        return _scale(source) ** 2 * (math.pi / 2 if self.estimator == "median" else 1.0)

    def statistics(self, xp: Any, batch: Arrays, weights: Array) -> dict[str, Array]:
        if self.estimator == "mean":
            return super().statistics(xp, batch, weights)
        count = xp.sum(weights, axis=1)
        return {"count": count, "x": batch["x"][..., 0], "weight": weights}

    def merge(self, xp: Any, left: Arrays, right: Arrays) -> dict[str, Array]:
        if self.estimator == "mean":
            return super().merge(xp, left, right)
        joined = {name: xp.concat([left[name], right[name]], axis=1) for name in ("x", "weight")}
        return {"count": left["count"] + right["count"], **joined}

    def scale(self, xp: Any, statistics: Arrays, weight: float) -> dict[str, Array]:
        return {k: v if k == "x" else weight * v for k, v in statistics.items()}

    def estimate(self, xp: Any, statistics: Arrays) -> dict[str, Array]:
        if self.estimator == "mean":
            return super().estimate(xp, statistics)
        return {"theta": weighted_median(xp, statistics["x"], statistics["weight"])}

    def cost(self, source: Scalar, size: int) -> tuple[int, float]:
        return median_cost(size) if self.estimator == "median" else (0, 0.0)

    def refuses_statistics(self, source: Scalar, row: Row) -> str | None:
        return "a median needs the samples" if self.estimator == "median" else None

    def noise(self, source: Scalar, n: int) -> Mapping[str, Draw]:
        return {"z": Normal((n,))}

    def sample(
        self, xp: Any, source: Scalar, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        return {"x": (params["theta"][:, None] + _scale(source) * noise["z"])[..., None]}

    def statistics_noise(self, source: Scalar, n: int) -> Mapping[str, Draw]:
        return {"z": Normal(())}

    def sample_statistics(
        self, xp: Any, source: Scalar, n: int, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        theta = params["theta"]
        total = n * theta + math.sqrt(n) * _scale(source) * noise["z"]
        return {"count": xp.full_like(theta, float(n)), "total": total}

    def log_density(self, xp: Any, source: Scalar, x: Array, theta: Array) -> Array:
        scale = _scale(source)
        return -0.5 * ((x - theta) / scale) ** 2 - math.log(scale * math.sqrt(2.0 * math.pi))


def median_cost(size: int) -> tuple[int, float]:
    """Numbers that `weighted_median` of ``size`` samples needs beside them, and arithmetic.

    Sorting goes through all of them ``log2(size)`` times, and reads out of order.
    """
    return 4 * size, size * (60.0 + 15.0 * math.log2(size + 1))


def weighted_median(xp: Any, x: Array, weights: Array) -> Array:
    """The middle of ``x [R, n]``: half of the weight on each side, ``[R]``.

    Where exactly half of the weight lies at or below a sample it is the mean of that sample and of
    the next one that has a weight.
    """
    order = xp.argsort(x, axis=1, stable=True)
    ordered = xp.take_along_axis(x, order, axis=1)
    below = xp.cumulative_sum(xp.take_along_axis(weights, order, axis=1), axis=1)
    half = 0.5 * below[:, -1:]
    lower = xp.min(xp.where(below >= half, ordered, xp.inf), axis=1)
    upper = xp.min(xp.where(below > half, ordered, xp.inf), axis=1)
    return 0.5 * (lower + upper)


def _scale(source: Scalar) -> float:
    assert isinstance(source, LocationSource), "a location model is fitted to its own law"
    return source.scale
