"""1 while a model still knows its subject: an event, or a function."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.families import Family
from recurse.metrics import Metric, View
from recurse.numerics.arrays import Array
from recurse.sources import Source


class Alive(Metric):
    """1 where the parameter is above zero, else 0; the mean over seeds is a survival probability.

    A Bernoulli or Poisson model at zero produces zeros only, and stays there. A kernel regression
    is dead when its fit is the function 0: of that the mean square at its inputs is looked at.
    """

    kind: Literal["alive"] = "alive"
    cite = "Suresh et al. 2412.17646, Theorems 1 and 2; Mobahi et al. 2002.05715"
    label: ClassVar[str] = "share of models above 0"
    worse: ClassVar[Literal["up", "down"]] = "down"
    speaks: ClassVar[frozenset[int]] = frozenset({7})

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        if family.kind in ("bernoulli", "poisson", "kernel_ridge"):
            return None
        return f"a parameter of family '{family.kind}' does not die out at 0"

    def measure(self, xp: Any, view: View) -> Array:
        name = "theta" if "theta" in view.params else "mean_square"
        return xp.astype(view.params[name] > 0, xp.float64)
