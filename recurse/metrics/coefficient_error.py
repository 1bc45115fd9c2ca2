"""The squared error of the coefficients of a regression."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.families import Family
from recurse.metrics import Metric, Needs, View, has_parameters
from recurse.numerics.arrays import Array
from recurse.sources import Source


class CoefficientError(Metric):
    """``|b_g - b|^2``, the intercept among the coefficients."""

    kind: Literal["coefficient_error"] = "coefficient_error"
    cite = "Dey & Donoho 2410.22812 (logistic simulation)"
    needs: ClassVar[Needs] = ("truth",)
    label: ClassVar[str] = "squared error of the coefficients"
    speaks: ClassVar[frozenset[int]] = frozenset({1, 2, 3, 4})

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        if "coef" not in family.parameters:
            return f"family '{family.kind}' has no coefficients"
        return has_parameters(source, family, "coefficients")

    def measure(self, xp: Any, view: View) -> Array:
        return xp.sum((view.params["coef"] - view.truth["coef"]) ** 2, axis=1)
