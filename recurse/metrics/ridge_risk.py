"""Risk of one more fit, by ridge regression, on samples that the model labels."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from recurse.families import Family
from recurse.metrics import Needs, Sampled, View, has_parameters
from recurse.numerics.arrays import Array
from recurse.sources import Source
from recurse.sources.linear_regression import Regression


class RidgeRisk(Sampled):
    """``E (x.w - x.w*)^2`` of ridge regression on new samples labelled by the model.

    The model of generation g is the last of g + 1 generators; who trains on its labels is a student
    with a size and a penalty of its own, and labels nothing.
    """

    kind: Literal["ridge_risk"] = "ridge_risk"
    cite = "Dohmatob et al. 2402.07712 (the final fit)"
    needs: ClassVar[Needs] = ("truth", "samples")
    label: ClassVar[str] = "excess risk of a ridge fit"
    speaks: ClassVar[frozenset[int]] = frozenset({1, 2, 3, 4})
    samples: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    """Samples that the student sees."""
    ridge: Annotated[float, Field(ge=0)] = 0.0
    """Penalty on ``|coef|^2`` beside the mean squared error."""

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        if not isinstance(source, Regression) or family.kind != "linear":
            return "is the risk of a linear regression"
        if source.design == "reused":
            return "draws new inputs, and with a reused design there are none"
        if self.ridge == 0 and self.samples < source.dim + 2:
            return f"without a penalty a finite risk takes {source.dim + 2} samples"
        return has_parameters(source, family, "coefficients")

    def measure(self, xp: Any, view: View) -> Array:
        x, y = view.samples["x"][:, : self.samples, ...], view.samples["y"][:, : self.samples]
        x, y = (xp.astype(values, xp.float64) for values in (x, y))
        turned = xp.matrix_transpose(x)
        identity = xp.eye(x.shape[-1], dtype=xp.float64)[None, ...]
        gram = xp.matmul(turned, x) + self.ridge * self.samples * identity
        coef = xp.linalg.solve(gram, xp.matmul(turned, y[..., None]))
        error = coef[..., 0] - view.truth["coef"]
        return xp.sum(error * (view.truth["variance"] * error), axis=1)
