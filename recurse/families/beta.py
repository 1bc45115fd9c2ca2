"""Beta(theta, 1) laws: ``-log x`` is exponential with mean ``1 / theta``, so the fit is exact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from recurse.families.one_parameter import OneParameter
from recurse.numerics.arrays import Array, Arrays
from recurse.numerics.streams import ChiSquare, Draw, Uniform
from recurse.sources.scalar import Scalar


class Beta(OneParameter):
    """Density ``theta x^(theta - 1)`` on (0, 1]; the maximum of the likelihood is
    ``n / sum(-log x)``.

    On samples an x below the smallest double (``theta`` far below 0.1) is a zero, and its logarithm
    is lost: the fit is then not a number and the replicate is recorded as broken. On the exact law
    of the statistics nothing is lost.
    """

    kind: Literal["beta"] = "beta"
    cite = "Barzilai & Shamir 2505.19046, experiments"

    def variance(self, source: Scalar) -> float:
        return source.theta**2

    def observed(self, xp: Any, x: Array) -> Array:
        there = x > 0
        return xp.where(there, -xp.log(xp.where(there, x, 1.0)), xp.nan)

    def estimate(self, xp: Any, statistics: Arrays) -> dict[str, Array]:
        return {"theta": statistics["count"] / statistics["total"]}

    def noise(self, source: Scalar, n: int) -> Mapping[str, Draw]:
        return {"u": Uniform((n,))}

    def sample(
        self, xp: Any, source: Scalar, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        return {"x": xp.exp(xp.log1p(-noise["u"]) / params["theta"][:, None])[..., None]}

    def statistics_noise(self, source: Scalar, n: int) -> Mapping[str, Draw]:
        return {"twice": ChiSquare((2 * n,))}

    def sample_statistics(
        self, xp: Any, source: Scalar, n: int, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        theta = params["theta"]
        return {
            "count": xp.full_like(theta, float(n)),
            "total": 0.5 * noise["twice"][:, 0] / theta,
        }

    def log_density(self, xp: Any, source: Scalar, x: Array, theta: Array) -> Array:
        return xp.log(theta) - (theta - 1.0) * self.observed(xp, x)
