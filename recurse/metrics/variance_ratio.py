"""The share of the variance that is left."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.families import Family
from recurse.metrics import Metric, Needs, View, has_parameters
from recurse.numerics.arrays import Array
from recurse.sources import Source


class VarianceRatio(Metric):
    """``tr Sigma_g / tr Sigma``: the trace of the fitted covariance over the true one."""

    kind: Literal["variance_ratio"] = "variance_ratio"
    cite = "Kazdan et al. 2410.16713"
    needs: ClassVar[Needs] = ("truth",)
    label: ClassVar[str] = "variance left (trace ratio)"
    worse: ClassVar[Literal["up", "down"]] = "down"
    speaks: ClassVar[frozenset[int]] = frozenset({5})

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        if family.kind != "gaussian":
            return f"family '{family.kind}' has no covariance"
        return has_parameters(source, family, "covariance")

    def measure(self, xp: Any, view: View) -> Array:
        fitted, true = (_trace(xp, p["covariance"]) for p in (view.params, view.truth))
        return fitted / true


def _trace(xp: Any, matrix: Array) -> Array:
    return xp.sum(xp.linalg.diagonal(matrix), axis=-1)
