"""Linear regression whose inputs have a spectrum: some directions vary more than others."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recurse.sources.linear_regression import Regression

Variance = Annotated[float, Field(gt=0)]


class SpectralRegression(Regression):
    """``x ~ N(0, diag(l_1 .. l_d))``, ``y = x.w* + noise e``; ``w*_j ~ N(0, j^-decay)`` per seed.

    Source and capacity conditions of the kernel literature are power laws of both.
    """

    kind: Literal["regression"] = "regression"
    cite = "Dohmatob et al. 2402.07712"
    spectrum: (
        Literal["isotropic", "power_law"] | Annotated[tuple[Variance, ...], Field(min_length=1)]
    ) = "isotropic"
    """The variances of the inputs: all one, ``l_j = j^-exponent``, or the numbers themselves."""
    exponent: Annotated[float, Field(ge=0, le=10)] = 1.5
    """The exponent of the power law."""
    decay: Annotated[float, Field(ge=0, le=10)] = 0.0
    """The rate at which the variance of the coefficients over seeds falls with their place."""

    @property
    def deviations(self) -> NDArray[np.float64] | None:
        if self.spectrum == "isotropic":
            return None
        if self.spectrum == "power_law":
            return np.asarray(np.arange(1.0, self.dim + 1) ** (-self.exponent / 2))
        return np.asarray(np.sqrt(self.spectrum))

    @property
    def scales(self) -> NDArray[np.float64] | None:
        if self.decay == 0.0:
            return None
        return np.asarray(np.arange(1.0, self.dim + 1) ** (-self.decay / 2))

    def problems(self) -> list[tuple[str, str, str]]:
        if isinstance(self.spectrum, str) or len(self.spectrum) == self.dim:
            return []
        return [("spectrum", "E204", f"has {len(self.spectrum)} numbers, dim is {self.dim}")]
