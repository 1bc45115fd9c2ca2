"""Exponential laws: the fitted mean is the sample mean, a product of independent factors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from recurse.families.one_parameter import OneParameter
from recurse.numerics.arrays import Array, Arrays
from recurse.numerics.streams import ChiSquare, Draw, Uniform
from recurse.sources.scalar import Scalar


class Exponential(OneParameter):
    """Mean ``theta``; the sum of n samples is theta times a Gamma number of shape n."""

    kind: Literal["exponential"] = "exponential"
    cite = "Barzilai & Shamir 2505.19046, experiments; Dey & Donoho 2410.22812"
    curvature: ClassVar[float | None] = 1.0

    def variance(self, source: Scalar) -> float:
        return source.theta**2

    def noise(self, source: Scalar, n: int) -> Mapping[str, Draw]:
        return {"u": Uniform((n,))}

    def sample(
        self, xp: Any, source: Scalar, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        return {"x": (-params["theta"][:, None] * xp.log1p(-noise["u"]))[..., None]}

    def statistics_noise(self, source: Scalar, n: int) -> Mapping[str, Draw]:
        return {"twice": ChiSquare((2 * n,))}

    def sample_statistics(
        self, xp: Any, source: Scalar, n: int, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        theta = params["theta"]
        return {
            "count": xp.full_like(theta, float(n)),
            "total": 0.5 * theta * noise["twice"][:, 0],
        }

    def log_density(self, xp: Any, source: Scalar, x: Array, theta: Array) -> Array:
        return -x / theta - xp.log(theta)
