"""Poisson laws: the fitted rate is the mean count, and once it is zero it stays zero."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from recurse.families.one_parameter import OneParameter, times_log
from recurse.families.roles import Conditional
from recurse.numerics.arrays import Array, Arrays, Host
from recurse.numerics.streams import Draw, Given, counts
from recurse.sources.scalar import Scalar


class Poisson(OneParameter, Conditional[Scalar]):
    """``Poisson(theta)``; the sum of n counts is ``Poisson(n theta)``, drawn on the host.

    A sample of zeros gives ``theta = 0``, a model of zeros: the loop has died out. The metric
    ``alive`` records it.
    """

    kind: Literal["poisson"] = "poisson"
    cite = "Suresh et al. 2412.17646, Theorem 2; Dey & Donoho 2410.22812"
    curvature: ClassVar[float | None] = 0.0

    def variance(self, source: Scalar) -> float:
        return source.theta

    def noise(self, source: Scalar, n: int) -> Mapping[str, Draw]:
        return {}

    def given_samples(
        self, source: Scalar, n: int, params: Host, inputs: Host
    ) -> Mapping[str, Given]:
        return {"x": counts(params["theta"], (n, 1))}

    def sample(
        self, xp: Any, source: Scalar, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        return {"x": noise["x"]}

    def given(self, source: Scalar, n: int, params: Host) -> Mapping[str, Given]:
        return {"total": counts(n * params["theta"], ())}

    def sample_statistics(
        self, xp: Any, source: Scalar, n: int, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        return {"count": xp.full_like(noise["total"], float(n)), "total": noise["total"]}

    def log_density(self, xp: Any, source: Scalar, x: Array, theta: Array) -> Array:
        return times_log(xp, x, theta) - theta - log_factorial(xp, x)


_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188)
_SHIFT = 9


def log_factorial(xp: Any, x: Array) -> Array:
    """``log x!`` for ``x >= 0``: Stirling's series for ``log Gamma(x + 9)``, error below 1e-13."""
    product = x + 1.0
    for k in range(2, _SHIFT):
        product = product * (x + float(k))
    z = x + float(_SHIFT)
    series = sum(c / z ** float(2 * i + 1) for i, c in enumerate(_STIRLING))
    stirling = (z - 0.5) * xp.log(z) - z + 0.5 * math.log(2.0 * math.pi) + series
    return stirling - xp.log(product)
