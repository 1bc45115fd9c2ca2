"""Logistic regression by maximum likelihood; the last model draws the classes of new data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from recurse.families.glm import Glm
from recurse.families.labelling import copies
from recurse.numerics.arrays import Array, Arrays
from recurse.numerics.streams import Draw, Uniform
from recurse.sources.glm import GlmSource

_PROBIT = 1.702  # the logistic law is near the normal one of this scale


class Logistic(Glm):
    """``P(y = 1 | x) = 1 / (1 + exp(-b_0 - x.b))``: ``coef [R, p]`` and ``degenerate [R]``.

    Classes that a plane separates (one class alone among them, if there is an intercept) have no
    maximum: the fit ends at length ``limit`` and is recorded. Such a model labels nearly without
    chance, and what it labels is separated again: the loop stands still.
    """

    kind: Literal["logistic"] = "logistic"
    version: ClassVar[int] = 2

    def start(self, xp: Any, mean: Array, moment: Array) -> tuple[Array, Array]:
        """From the probit law of the same first moments (Stein's identity), off by some 2 %."""
        if not self.intercept:
            mean = xp.full_like(mean, 0.5)
        point = xp.log(mean / (1.0 - mean)) / _PROBIT
        size = xp.sqrt(xp.sum(moment**2, axis=1, keepdims=True))
        share = xp.clip(math.sqrt(2.0 * math.pi) * size * xp.exp(0.5 * point**2), max=0.95)
        spread = 1.0 / xp.sqrt(1.0 - share**2)
        length = _PROBIT * share * spread
        safe = xp.where(size > 0.0, size, xp.ones_like(size))
        return _PROBIT * point * spread, length * moment / safe

    def response(self, xp: Any, linear: Array) -> tuple[Array, ...]:
        odds = xp.exp(-linear)
        return odds, 1.0 / (1.0 + odds)

    def slope(self, xp: Any, response: tuple[Array, ...], y: Array, weight: Array) -> Array:
        odds, p = response
        # Not y - p: that has no digits left where p is nearly y.
        return (y * odds - (weight - y)) * p

    def curvature(self, xp: Any, response: tuple[Array, ...], weight: Array) -> Array:
        odds, p = response
        return weight * odds * p**2

    def noise(self, source: GlmSource, n: int) -> Mapping[str, Draw]:
        return {**self.new_inputs(source, n), "u": Uniform((n,))}

    def sample(
        self, xp: Any, source: GlmSource, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        u = noise["u"]
        known = noise if "x" in noise else design
        minus = copies(xp, self.linear(xp, -params["coef"], known), u.shape[1])
        odds = xp.exp(xp.clip(minus, max=700.0))
        y = xp.astype(u * (1.0 + odds) < 1.0, xp.float64)
        return {"x": copies(xp, known["x"], u.shape[1]), "y": y}

    def log_density(self, xp: Any, linear: Array, y: Array) -> Array:
        return y * linear - xp.logaddexp(xp.zeros_like(linear), linear)
