"""The squared error of the parameter of a one-parameter model."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.families import Family
from recurse.metrics import Metric, Needs, View, has_parameters
from recurse.numerics.arrays import Array
from recurse.sources import Source


class ParameterError(Metric):
    """``(theta_g - theta)^2``: the squared error of the fitted parameter.

    Divide means by means: the mean of the ratios of single runs has a tail so heavy that it says
    nothing (Barzilai & Shamir report it for the Beta law).
    """

    kind: Literal["parameter_error"] = "parameter_error"
    cite = "Dey & Donoho 2410.22812; Barzilai & Shamir 2505.19046"
    needs: ClassVar[Needs] = ("truth",)
    label: ClassVar[str] = "squared error of the parameter"
    speaks: ClassVar[frozenset[int]] = frozenset({1, 2, 3, 4})

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        if "theta" not in family.parameters:
            return f"family '{family.kind}' has not one parameter"
        return has_parameters(source, family, "parameter")

    def measure(self, xp: Any, view: View) -> Array:
        return (view.params["theta"] - view.truth["theta"]) ** 2
