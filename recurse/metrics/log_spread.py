"""The spread that is left, on the scale of its random walk."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.families import Family, wishart
from recurse.metrics import Metric, Needs, View, has_parameters
from recurse.numerics.arrays import Array
from recurse.sources import Source


class LogSpread(Metric):
    """``log(det Sigma_g / det Sigma) / (2 d)``: the logarithm of the mean deviation left.

    In one dimension ``log(sigma_g / sigma)``. Its mean over seeds is that of a typical run, where
    the mean of the variance itself is carried by rare ones. A covariance that is singular up to
    rounding counts as one at that level: each variance is raised by ``8 eps d`` of itself.
    """

    kind: Literal["log_spread"] = "log_spread"
    cite = "Suresh et al. 2412.17646 (log sigma); Alemohammad et al. 2307.01850, appendix A"
    needs: ClassVar[Needs] = ("truth",)
    label: ClassVar[str] = "log deviation left"
    worse: ClassVar[Literal["up", "down"]] = "down"
    speaks: ClassVar[frozenset[int]] = frozenset({5})
    logarithmic: ClassVar[bool] = True

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        if family.kind != "gaussian":
            return f"family '{family.kind}' has no covariance"
        return has_parameters(source, family, "covariance")

    def measure(self, xp: Any, view: View) -> Array:
        fitted, true = (_logs(xp, p["covariance"]) for p in (view.params, view.truth))
        return fitted - true


def _logs(xp: Any, covariance: Array) -> Array:
    """The mean logarithm of the pivots, ``[R]``."""
    return xp.mean(xp.log(xp.linalg.diagonal(wishart.factor(xp, covariance))), axis=-1)
