"""Error of the coefficients of a generalised linear model in units of what one sample tells."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.families import Family
from recurse.families.glm import Glm
from recurse.metrics import Metric, Needs, View, has_parameters
from recurse.numerics.arrays import Array
from recurse.sources import Source


class FisherError(Metric):
    """``(b_g - b)' I (b_g - b)`` with ``I`` the Fisher information of one sample at the truth b.

    Twice the excess log-loss, to leading order. Its mean over fits of n real samples is ``p / n``
    for p coefficients, whatever the truth, and its spread the least of all quadratic errors.
    """

    kind: Literal["fisher_error"] = "fisher_error"
    needs: ClassVar[Needs] = ("truth",)
    label: ClassVar[str] = "squared error in Fisher units"
    speaks: ClassVar[frozenset[int]] = frozenset({1, 2, 3, 4})

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        if not isinstance(family, Glm):
            return f"the Fisher information of family '{family.kind}' is not among its parameters"
        return has_parameters(source, family, "coefficients")

    def measure(self, xp: Any, view: View) -> Array:
        error = (view.params["coef"] - view.truth["coef"])[..., None]
        return xp.sum(error * xp.matmul(view.truth["information"], error), axis=(1, 2))
