"""Poisson regression by maximum likelihood; the last model draws the counts of new data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from recurse.families.glm import Glm
from recurse.families.labelling import copies
from recurse.families.poisson import log_factorial
from recurse.families.roles import Conditional
from recurse.numerics.arrays import Array, Arrays, Host
from recurse.numerics.inversion import inverted_counts
from recurse.numerics.streams import Draw, Given, Uniform
from recurse.sources.glm import GlmSource


class PoissonRegression(Glm, Conditional[GlmSource]):
    """Counts of mean ``exp(b_0 + x.b)``: ``coef [R, p]`` and ``degenerate [R]``.

    Counts that are zero wherever a direction of the coefficients makes itself felt (all of them,
    for one) have no maximum: the fit ends at length ``limit`` and is recorded. A model with a mean
    above 1e15 somewhere in its sample draws no counts, and the replicate is recorded as failed.
    """

    kind: Literal["poisson_regression"] = "poisson_regression"
    version: ClassVar[int] = 2

    def start(self, xp: Any, mean: Array, moment: Array) -> tuple[Array, Array]:
        """``E y = exp(b_0 + |b|^2 / 2)`` and ``E x y = b E y``."""
        coef = moment / mean
        square = xp.sum(coef**2, axis=1, keepdims=True)
        # A few large counts say nothing of the rest; three is as long as a first guess should be.
        coef = coef * xp.clip(3.0 / xp.sqrt(xp.clip(square, min=1e-12)), max=1.0)
        return xp.log(mean) - 0.5 * xp.sum(coef**2, axis=1, keepdims=True), coef

    def response(self, xp: Any, linear: Array) -> tuple[Array, ...]:
        return (xp.exp(linear),)

    def slope(self, xp: Any, response: tuple[Array, ...], y: Array, weight: Array) -> Array:
        return y - weight * response[0]

    def curvature(self, xp: Any, response: tuple[Array, ...], weight: Array) -> Array:
        return weight * response[0]

    def noise(self, source: GlmSource, n: int) -> Mapping[str, Draw]:
        return {**self.new_inputs(source, n), "u": Uniform((n,))}

    def given_samples(
        self, source: GlmSource, n: int, params: Host, inputs: Host
    ) -> Mapping[str, Given]:
        linear = source.linear(params["coef"], inputs["x"])
        means = np.exp(np.minimum(linear, 700.0))
        return {"y": inverted_counts(np.tile(means, (1, n // means.shape[1])), inputs["u"])}

    def sample(
        self, xp: Any, source: GlmSource, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        y = noise["y"]
        x = noise["x"] if "x" in noise else copies(xp, design["x"], y.shape[1])
        return {"x": x, "y": y}

    def log_density(self, xp: Any, linear: Array, y: Array) -> Array:
        return y * linear - xp.exp(linear) - log_factorial(xp, y)
