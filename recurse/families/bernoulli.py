"""Bernoulli laws: the fitted probability is the share of ones, absorbed at 0 and at 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from recurse.families.one_parameter import OneParameter, times_log
from recurse.families.roles import Conditional
from recurse.numerics.arrays import Array, Arrays, Host
from recurse.numerics.streams import Draw, Given, Uniform
from recurse.sources.scalar import Scalar


class Bernoulli(OneParameter, Conditional[Scalar]):
    """1 with probability ``theta``; the number of ones in n samples is binomial, drawn on the host.

    A sample of zeros (or of ones) gives a model that knows nothing else, for ever; the metric
    ``alive`` records the share of models with ``theta > 0``.
    """

    kind: Literal["bernoulli"] = "bernoulli"
    cite = "Suresh et al. 2412.17646, Theorem 1; Seddik et al. 2404.05090"
    curvature: ClassVar[float | None] = -1.0

    def variance(self, source: Scalar) -> float:
        return source.theta * (1.0 - source.theta)

    def noise(self, source: Scalar, n: int) -> Mapping[str, Draw]:
        return {"u": Uniform((n,))}

    def sample(
        self, xp: Any, source: Scalar, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        ones = noise["u"] < params["theta"][:, None]
        return {"x": xp.astype(ones, xp.float64)[..., None]}

    def given(self, source: Scalar, n: int, params: Host) -> Mapping[str, Given]:
        theta = params["theta"]

        def ones(generator: np.random.Generator, replicate: int) -> NDArray[np.float64]:
            return np.asarray(generator.binomial(n, theta[replicate]), dtype=np.float64)

        return {"total": ones}

    def sample_statistics(
        self, xp: Any, source: Scalar, n: int, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        return {"count": xp.full_like(noise["total"], float(n)), "total": noise["total"]}

    def log_density(self, xp: Any, source: Scalar, x: Array, theta: Array) -> Array:
        return times_log(xp, x, theta) + times_log(xp, 1.0 - x, 1.0 - theta)
