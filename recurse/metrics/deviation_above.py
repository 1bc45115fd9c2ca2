"""1 while a Gaussian of one dimension, or two with one deviation, still has some spread."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from recurse.families import Family
from recurse.metrics import Metric, View
from recurse.numerics.arrays import Array
from recurse.sources import Source


class DeviationAbove(Metric):
    """1 where the fitted standard deviation exceeds ``threshold``, else 0.

    Its mean over seeds is ``P(sigma_g > threshold)``.
    """

    kind: Literal["deviation_above"] = "deviation_above"
    cite = "Suresh et al. 2412.17646, Theorems 3 and 4"
    label: ClassVar[str] = "share of models whose deviation is above the threshold"
    worse: ClassVar[Literal["up", "down"]] = "down"
    speaks: ClassVar[frozenset[int]] = frozenset({5})
    threshold: Annotated[float, Field(gt=0)] = 0.1
    """The threshold, in the units of the data."""

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        if "deviation" in family.parameters:
            return None
        if family.kind != "gaussian":
            return f"family '{family.kind}' has no standard deviation"
        if source.fields["x"] != (1,):
            return "needs data of one dimension"
        return None

    def measure(self, xp: Any, view: View) -> Array:
        if "deviation" in view.params:
            return xp.astype(view.params["deviation"] > self.threshold, xp.float64)
        return xp.astype(view.params["covariance"][:, 0, 0] > self.threshold**2, xp.float64)
