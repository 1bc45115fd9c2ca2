"""Prediction error of a regression beyond the label noise."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.families import Family
from recurse.metrics import Metric, Needs, View, has_parameters
from recurse.numerics.arrays import Array
from recurse.sources import Source


class ExcessRisk(Metric):
    """``E (f_g(x) - f*(x))^2``: the test error with the noise floor removed.

    Over the law of the inputs of a linear regression; over the held-out inputs of a function.
    """

    kind: Literal["excess_risk"] = "excess_risk"
    cite = "Gerstgrasser et al. 2404.01413 (E_test)"
    needs: ClassVar[Needs] = ("truth",)
    label: ClassVar[str] = "excess risk"
    speaks: ClassVar[frozenset[int]] = frozenset({1, 2, 3, 4})

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        if not {"coef", "curve"} & set(family.parameters):
            return f"'excess_risk' is the risk of a regression, not of '{family.kind}'"
        return has_parameters(source, family, "coefficients")

    def measure(self, xp: Any, view: View) -> Array:
        if "curve" in view.params:
            return xp.mean((view.params["curve"] - view.truth["curve"]) ** 2, axis=1)
        error = view.params["coef"] - view.truth["coef"]
        return xp.sum(error * (view.truth["variance"] * error), axis=1)
