"""Sources of generalised linear models: normal inputs and a linear predictor."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recurse.numerics.arrays import Fields
from recurse.numerics.streams import Normal, Streams
from recurse.sources.labelled import Labelled

Floats = NDArray[np.float64]


class GlmSource(Labelled):
    """``x ~ N(0, I_d)`` and a label whose mean depends on ``x.b`` (plus ``b_0``).

    ``coef [R, p]`` has the intercept, if there is one, in front; ``information [R, p, p]`` is
    the Fisher information of one sample there.
    """

    intercept: bool = False
    """True if the linear predictor has a constant term; a model has one if its source has."""
    scale: Annotated[float, Field(gt=0, le=10)] = 1.0
    """Standard deviation of the coefficients over seeds, the intercept among them."""
    coefficients: Annotated[tuple[float, ...], Field(min_length=1)] | None = None
    """The true coefficients, the intercept first; drawn for each seed by default."""

    @property
    def terms(self) -> int:
        """The number of coefficients."""
        return self.dim + self.intercept

    def weights(self, constant: Floats, slope: Floats) -> tuple[Floats, Floats, Floats]:
        """``E v``, ``E v Z`` and ``E v Z^2`` of ``v = Var(y | constant + slope Z)``, Z normal."""
        raise TypeError(f"{type(self).__name__} has no variance function")

    def labels(self, streams: Streams, generation: int, purpose: str, linear: Floats) -> Floats:
        """Labels of linear predictors ``[R, n]``."""
        raise TypeError(f"{type(self).__name__} has no labels")

    def truth(self, streams: Streams) -> Fields:
        if self.coefficients is None:
            drawn = streams.draw(0, "truth/coefficients", Normal((self.terms,)))
            coef = np.asarray(self.scale * drawn, dtype=np.float64)
        else:
            given = np.asarray(self.coefficients, dtype=np.float64)
            coef = np.broadcast_to(given, (len(streams.seeds), self.terms))
        return {"coef": coef, "information": self._information(coef)}

    def draw(self, streams: Streams, generation: int, purpose: str, n: int) -> Fields:
        x = streams.draw(generation, f"{purpose}/x", Normal((n, self.dim)))
        linear = self.linear(self.truth(streams)["coef"], x)
        return {"x": x, "y": self.labels(streams, generation, purpose, linear)}

    def linear(self, coef: Floats, x: NDArray[Any]) -> Floats:
        """Linear predictors ``[R, n]``."""
        product = (x @ coef[:, self.intercept :, None])[..., 0]
        return np.asarray(product + coef[:, :1] if self.intercept else product)

    def problems(self) -> list[tuple[str, str, str]]:
        if self.coefficients is None or len(self.coefficients) == self.terms:
            return []
        text = f"has {len(self.coefficients)} numbers, and there are {self.terms} terms"
        return [("coefficients", "E204", text)]

    def _information(self, coef: Floats) -> Floats:
        """``E v z z'`` with ``z = (1, x)``: v varies along the slope b only.

        ``E v x x' = E v (I - u u') + E v Z^2 u u'`` and ``E v x = E v Z u`` for ``u = b / |b|``.
        """
        slopes = coef[:, self.intercept :]
        length = np.sqrt(np.sum(slopes**2, axis=1))
        along = slopes / np.where(length > 0.0, length, 1.0)[:, None]
        constant = coef[:, 0] if self.intercept else np.zeros(len(coef))
        zero, first, second = self.weights(constant, length)
        square = along[:, :, None] * along[:, None, :]
        inner = zero[:, None, None] * np.eye(self.dim) + (second - zero)[:, None, None] * square
        if not self.intercept:
            return np.asarray(inner)
        whole = np.empty((len(coef), self.terms, self.terms))
        whole[:, 0, 0] = zero
        whole[:, 0, 1:] = whole[:, 1:, 0] = first[:, None] * along
        whole[:, 1:, 1:] = inner
        return whole
