"""Quality bought with diversity: samples are drawn closer to the modes (MAD's bias lambda)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from recurse.families import Family
from recurse.numerics.arrays import Arrays
from recurse.samplers import Sampler


class Bias(Sampler):
    """Draw from ``N(mean, lambda covariance)``: 1 is no bias, 0 draws the mean alone."""

    kind: Literal["bias"] = "bias"
    cite = "Alemohammad et al. 2307.01850, section 2 (sampling bias)"
    strength: Annotated[float, Field(ge=0, le=1, alias="lambda")]
    """The factor on every covariance."""

    def refusal(self, family: Family[Any]) -> str | None:
        if "covariance" in family.parameters:
            return None
        return f"a sampling bias shrinks covariances, and family '{family.kind}' has none"

    def adapt(self, xp: Any, params: Arrays) -> Arrays:
        return {**params, "covariance": self.strength * params["covariance"]}
