"""Logistic regression with normal inputs: ``P(y = 1 | x) = 1 / (1 + exp(-b_0 - x.b))``."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from recurse.sources.glm import Floats, GlmSource
from recurse.streams import Streams, Uniform

_GRID = np.linspace(-9.0, 9.0, 801)
_DENSITY = np.exp(-0.5 * _GRID**2)
_DENSITY /= _DENSITY.sum()


class LogisticRegression(GlmSource):
    """Classes 0 and 1, with ``x ~ N(0, I_d)`` and coefficients ``N(0, scale^2)`` for each seed."""

    kind: Literal["logistic_regression"] = "logistic_regression"
    cite = "Dey & Donoho 2410.22812 (simulation: d = 5 and an intercept)"
    law: ClassVar[str | None] = "logistic"

    def weights(self, constant: Floats, slope: Floats) -> tuple[Floats, Floats, Floats]:
        """By the trapezoidal rule, which is exact to 1e-12 for slopes up to 30."""
        linear = constant[:, None] + slope[:, None] * _GRID
        there = _DENSITY / (2.0 + np.exp(linear) + np.exp(-linear))
        return there.sum(axis=1), there @ _GRID, there @ _GRID**2

    def labels(self, streams: Streams, generation: int, purpose: str, linear: Floats) -> Floats:
        u = streams.draw(generation, f"{purpose}/u", Uniform(linear.shape[1:]))
        return np.asarray(u * (1.0 + np.exp(-linear)) < 1.0, dtype=np.float64)
