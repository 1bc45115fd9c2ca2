"""Logistic regression with normal inputs: ``P(y = 1 | x) = 1 / (1 + exp(-b_0 - x.b))``."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from recurse.numerics.streams import Streams, Uniform
from recurse.sources.glm import Floats, GlmSource

_GRID = np.linspace(-1.0, 1.0, 801)
_STEEP = 5.0  # from this slope on the variance is a peak in the normal density, not the reverse


class LogisticRegression(GlmSource):
    """Classes 0 and 1, with ``x ~ N(0, I_d)`` and coefficients ``N(0, scale^2)`` for each seed."""

    kind: Literal["logistic_regression"] = "logistic_regression"
    cite = "Dey & Donoho 2410.22812 (simulation: d = 5 and an intercept)"
    law: ClassVar[str | None] = "logistic"

    def weights(self, constant: Floats, slope: Floats) -> tuple[Floats, Floats, Floats]:
        """By the trapezoidal rule over all that counts of the narrower factor, exact to 1e-12."""
        steep = np.maximum(slope, _STEEP)
        half = np.where(slope > _STEEP, 40.0 / steep, 9.0)[:, None]
        middle = np.where(slope > _STEEP, -constant / steep, 0.0)[:, None]
        z = middle + half * _GRID
        odds = np.exp(-np.abs(constant[:, None] + slope[:, None] * z))
        density = np.exp(-0.5 * z**2) * half * (_GRID[1] - _GRID[0]) / np.sqrt(2.0 * np.pi)
        there = density * odds / (1.0 + odds) ** 2
        return there.sum(axis=1), (there * z).sum(axis=1), (there * z**2).sum(axis=1)

    def labels(self, streams: Streams, generation: int, purpose: str, linear: Floats) -> Floats:
        u = streams.draw(generation, f"{purpose}/u", Uniform(linear.shape[1:]))
        return np.asarray(u * (1.0 + np.exp(np.minimum(-linear, 700.0))) < 1.0, dtype=np.float64)
