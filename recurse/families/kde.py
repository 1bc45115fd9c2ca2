"""Kernel density estimates: the model is its training set, each sample with normal noise.

The density at a fixed point is a sum over samples. So with a fixed bandwidth the sums at held-out
points are sufficient statistics like any other: pools add up, and a generation costs what its new
samples cost. Only sampling needs the samples themselves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from recurse.families.roles import Remembering
from recurse.numerics.arrays import Array, Arrays
from recurse.numerics.streams import Draw, Normal, Uniform
from recurse.sources import Source

_EXPONENTIAL = 20.0  # arithmetic operations that one takes the time of


class Kde(Remembering[Source]):
    """A mixture of ``N(x_i, h^2 I)`` over the weighted training set.

    Parameters: ``bandwidth [R]``, ``second_moment [R]`` (``E||x||^2`` of the model about the
    origin) and, where held-out points ``[R, m, d]`` are given, ``log_density [R, m]`` at them.
    """

    kind: Literal["kde"] = "kde"
    cite = "Kazdan et al. 2410.16713; scikit-learn, sklearn.neighbors.KernelDensity"
    needs: ClassVar[tuple[str, ...]] = ("x",)
    parameters: ClassVar[tuple[str, ...]] = ("bandwidth", "second_moment")
    quantities: ClassVar[tuple[str, ...]] = ("log_prob", "total_variation")
    bandwidth: Annotated[float, Field(gt=0, le=1e6)] | Literal["scott", "silverman"] = "scott"
    """Standard deviation h of the kernel; or a rule of scikit-learn, for data of unit scale:
    ``scott`` is ``n^(-1/(d+4))``, ``silverman`` is ``(n (d+2)/4)^(-1/(d+4))``, n the total
    weight."""

    @property
    def additive(self) -> bool:
        """True for a fixed bandwidth."""
        return not isinstance(self.bandwidth, str)

    def density_cost(self, source: Source, size: int) -> float:
        return size * (2.0 * source.fields["x"][0] + _EXPONENTIAL)

    def width(self, count: Any, dim: int) -> Any:
        """The bandwidth for a total weight, a number or an array."""
        if not isinstance(self.bandwidth, str):
            return 0.0 * count + self.bandwidth
        factor = 1.0 if self.bandwidth == "scott" else (dim + 2) / 4.0
        return (factor * count) ** (-1.0 / (dim + 4))

    def statistics(self, xp: Any, batch: Arrays, weights: Array) -> dict[str, Array]:
        """``count [R]``, ``sum [R, d]``, ``square [R]``."""
        x = batch["x"]
        return {
            "count": xp.sum(weights, axis=1),
            "sum": xp.sum(weights[..., None] * x, axis=1),
            "square": xp.sum(weights * xp.sum(x**2, axis=2), axis=1),
        }

    def sums(self, xp: Any, x: Array, weights: Array, at: Array, width: Array) -> dict[str, Array]:
        """``log_kernels``: ``log sum_i w_i exp(-||y - x_i||^2 / 2 h^2)`` at the points y.

        Minus infinity where all weights are 0. Squares are expanded, so an exponent is exact to
        about ``1e-16 ||x||^2 / h^2``.
        """
        h = width[:, None, None]
        x, at = x / h, at / h
        # The points are the last axis, so that sums over samples run along whole lines of memory;
        # the part of an exponent that is the sample's own is one more column of the product.
        own = _log(xp, weights) - 0.5 * xp.sum(x**2, axis=2)
        left = xp.concat([x, own[..., None]], axis=2)
        right = xp.concat([at, xp.ones_like(at[..., :1])], axis=2)
        exponent = xp.matmul(left, xp.matrix_transpose(right))
        top = xp.max(exponent, axis=1)
        shift = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
        total = xp.sum(xp.exp(exponent - shift[:, None, :]), axis=1)
        return {"log_kernels": shift + _log(xp, total) - 0.5 * xp.sum(at**2, axis=2)}

    def merge(self, xp: Any, left: Arrays, right: Arrays) -> dict[str, Array]:
        merged = {name: left[name] + right[name] for name in ("count", "sum", "square")}
        if "log_kernels" in left:
            merged["log_kernels"] = xp.logaddexp(left["log_kernels"], right["log_kernels"])
        return merged

    def scale(self, xp: Any, statistics: Arrays, weight: float) -> dict[str, Array]:
        scaled = {k: weight * v for k, v in statistics.items() if k != "log_kernels"}
        if "log_kernels" in statistics:
            scaled["log_kernels"] = statistics["log_kernels"] + math.log(weight)
        return scaled

    def estimate(self, xp: Any, statistics: Arrays) -> dict[str, Array]:
        count, dim = statistics["count"], statistics["sum"].shape[1]
        count = xp.where(count > 0.0, count, xp.nan)  # nothing left (all was filtered out): no fit
        h = self.width(count, dim)
        params = {"bandwidth": h, "second_moment": statistics["square"] / count + dim * h**2}
        if "log_kernels" in statistics:
            norm = xp.log(count) + dim * (xp.log(h) + 0.5 * math.log(2.0 * math.pi))
            params["log_density"] = statistics["log_kernels"] - norm[:, None]
        return params

    def noise(self, source: Source, n: int) -> Mapping[str, Draw]:
        return {"pick": Uniform((n,)), "z": Normal((n, *source.fields["x"]))}

    def sample(
        self, xp: Any, source: Source, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        """``design["x"] [R, n, d]``: the training samples that were picked."""
        return {"x": design["x"] + params["bandwidth"][:, None, None] * noise["z"]}

    def evaluate(self, xp: Any, source: Source, params: Arrays, data: Arrays) -> Array:
        return xp.mean(params["log_density"], axis=1)

    def distance(self, xp: Any, params: Arrays, truth: Array) -> Array:
        """Total variation to the source from its log-density ``[R, m]`` at draws of its own.

        ``TV(p, q) = E_q max(0, 1 - p/q)``, unbiased at any number of points.
        """
        ratio = xp.exp(params["log_density"] - truth)
        return xp.mean(xp.where(ratio < 1.0, 1.0 - ratio, xp.zeros_like(ratio)), axis=1)


def _log(xp: Any, values: Array) -> Array:
    """The logarithm, minus infinity at 0 and without a warning."""
    positive = values > 0.0
    logs = xp.log(xp.where(positive, values, xp.ones_like(values)))
    return xp.where(positive, logs, xp.full_like(logs, -xp.inf))
