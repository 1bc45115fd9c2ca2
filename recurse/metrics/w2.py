"""Squared Wasserstein-2 distance of a fitted normal to the true one."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.families import Family
from recurse.metrics import Metric, Needs, View, has_parameters
from recurse.metrics.normals import squared_w2
from recurse.numerics.arrays import Array
from recurse.sources import Source


class W2(Metric):
    """Squared Wasserstein-2 distance between the fitted normal distribution and the source's."""

    kind: Literal["w2"] = "w2"
    cite = "Gillman et al. 2402.07087; Shumailov et al. 2305.17493 (Theorem 3.1)"
    needs: ClassVar[Needs] = ("truth",)
    label: ClassVar[str] = "squared Wasserstein-2 distance"
    speaks: ClassVar[frozenset[int]] = frozenset({1, 2, 3, 4})

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        if family.kind != "gaussian":
            return f"family '{family.kind}' is not a normal distribution; use 'frechet' on samples"
        return has_parameters(source, family, "covariance")

    def measure(self, xp: Any, view: View) -> Array:
        p, t = view.params, view.truth
        return squared_w2(xp, p["mean"], p["covariance"], t["mean"], t["covariance"])
