"""Linear regression with normal inputs: ``x ~ N(0, I)``, ``y = x.w* + noise * e``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recurse.numerics.arrays import Fields
from recurse.numerics.streams import Normal, Streams
from recurse.sources.labelled import Labelled


class Regression(Labelled):
    """``y = x.w* + noise e`` with normal inputs of any diagonal covariance."""

    law: ClassVar[str | None] = "linear"
    noise: Annotated[float, Field(ge=0, le=1e6)] = 1.0
    """Standard deviation of the label noise."""

    @property
    def deviations(self) -> NDArray[np.float64] | None:
        """The standard deviation of each input, ``[d]``; None if all are one."""
        return None

    @property
    def scales(self) -> NDArray[np.float64] | None:
        """The standard deviation of each coefficient over seeds, ``[d]``; None if all are one."""
        return None

    def truth(self, streams: Streams) -> Fields:
        coefficients = streams.draw(0, "truth/coefficients", Normal((self.dim,)))
        if self.scales is not None:
            coefficients = coefficients * self.scales
        variance = np.ones(self.dim) if self.deviations is None else self.deviations**2
        return {"coef": coefficients, "variance": np.broadcast_to(variance, coefficients.shape)}

    def draw(self, streams: Streams, generation: int, purpose: str, n: int) -> Fields:
        x = streams.draw(generation, f"{purpose}/x", Normal((n, self.dim)))
        if self.deviations is not None:
            x = x * self.deviations
        e = streams.draw(generation, f"{purpose}/e", Normal((n,)))
        y = (x @ self.truth(streams)["coef"][..., None])[..., 0] + self.noise * e
        return {"x": x, "y": y}


class LinearRegression(Regression):
    """``x ~ N(0, I_d)`` and ``y = x.w* + noise e``, with ``w* ~ N(0, I_d)`` for each seed."""

    kind: Literal["linear_regression"] = "linear_regression"
