"""Prediction error of a regression beyond the label noise."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.backend import Array
from recurse.families import Family
from recurse.metrics import Metric, View, has_parameters
from recurse.sources import Source


class ExcessRisk(Metric):
    """``E (x.w_g - x.w*)^2``: the test error with the noise floor removed."""

    kind: Literal["excess_risk"] = "excess_risk"
    cite = "Gerstgrasser et al. 2404.01413 (E_test)"
    needs: ClassVar[tuple[Literal["truth", "samples", "heldout"], ...]] = ("truth",)
    label: ClassVar[str] = "excess risk"
    speaks: ClassVar[frozenset[int]] = frozenset({1, 2, 3, 4})

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        if family.kind != "linear":
            return f"'excess_risk' is the risk of a linear regression, not of '{family.kind}'"
        return has_parameters(source, family, "coefficients")

    def measure(self, xp: Any, view: View) -> Array:
        error = view.params["coef"] - view.truth["coef"]
        return xp.sum(error * (view.truth["variance"] * error), axis=1)
