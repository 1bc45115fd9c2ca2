"""The squared error of the mean of the model."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.families import Family
from recurse.metrics import Metric, Needs, View, has_parameters
from recurse.numerics.arrays import Array
from recurse.sources import Source


class MeanError(Metric):
    """``||mu_g - mu||^2``: the squared distance of the fitted mean to the true one."""

    kind: Literal["mean_error"] = "mean_error"
    cite = "Kazdan et al. 2410.16713"
    needs: ClassVar[Needs] = ("truth",)
    label: ClassVar[str] = "squared error of the mean"
    speaks: ClassVar[frozenset[int]] = frozenset({1, 2, 3, 4})

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        return has_parameters(source, family, "mean") or _no_mean(family)

    def measure(self, xp: Any, view: View) -> Array:
        return xp.sum((view.params["mean"] - view.truth["mean"]) ** 2, axis=-1)


def _no_mean(family: Family[Any]) -> str | None:
    return None if family.kind == "gaussian" else f"family '{family.kind}' has no mean"
