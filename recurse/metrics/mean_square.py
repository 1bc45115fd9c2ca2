"""The size of a fitted function, at its training inputs."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.families import Family
from recurse.metrics import Metric, View
from recurse.numerics.arrays import Array
from recurse.sources import Source


class MeanSquare(Metric):
    """``(1/n) sum_i f(x_i)^2``; 0 for a function that has collapsed to f = 0."""

    kind: Literal["mean_square"] = "mean_square"
    cite = "Mobahi et al. 2002.05715 (the norm of z_t)"
    label: ClassVar[str] = "mean square of the fit"
    worse: ClassVar[Literal["up", "down"]] = "down"

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        if family.kind == "kernel_ridge":
            return None
        return f"family '{family.kind}' has no fitted values at training inputs"

    def measure(self, xp: Any, view: View) -> Array:
        return view.params["mean_square"]
