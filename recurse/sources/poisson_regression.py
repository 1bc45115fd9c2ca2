"""Poisson regression with normal inputs: counts of mean ``exp(b_0 + x.b)``."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from recurse.numerics.inversion import inverted_counts
from recurse.numerics.streams import Streams, Uniform
from recurse.sources.glm import Floats, GlmSource

_LONGEST = 9.0
_SIZE = "10^17"  # exp(81/2), the mean count at that length


class PoissonRegression(GlmSource):
    """Counts, with ``x ~ N(0, I_d)`` and coefficients ``N(0, scale^2)`` for each seed.

    The mean count varies like ``exp(|b|^2)``: coefficients much longer than 1 leave all to a few
    samples.
    """

    kind: Literal["poisson_regression"] = "poisson_regression"
    cite = "He, Xu, Cheng 2502.18049"
    law: ClassVar[str | None] = "poisson_regression"

    def problems(self) -> list[tuple[str, str, str]]:
        if found := super().problems():
            return found
        if self.coefficients is None:
            length, place = self.scale * (self.dim**0.5 + 4.0), "scale"
        else:
            length, place = float(np.linalg.norm(self.coefficients)), "coefficients"
        if length <= _LONGEST:
            return []
        text = f"coefficients of length {length:.1f} give counts of every size up to {_SIZE}"
        return [(place, "E204", text)]

    def weights(self, constant: Floats, slope: Floats) -> tuple[Floats, Floats, Floats]:
        mean = np.exp(constant + 0.5 * slope**2)
        return mean, slope * mean, (1.0 + slope**2) * mean

    def labels(self, streams: Streams, generation: int, purpose: str, linear: Floats) -> Floats:
        drawn = streams.draw(generation, f"{purpose}/u", Uniform(linear.shape[1:]))
        u = np.asarray(drawn, dtype=np.float64)
        given = {"y": inverted_counts(np.exp(linear), u)}
        return np.asarray(streams.given(generation, purpose, given)["y"], dtype=np.float64)
