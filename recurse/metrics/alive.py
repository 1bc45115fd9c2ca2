"""Whether a model still knows the event that it is about."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.backend import Array
from recurse.families import Family
from recurse.metrics import Metric, View
from recurse.sources import Source


class Alive(Metric):
    """1 where the parameter is above zero, else 0; the mean over seeds is a survival probability.

    A Bernoulli or Poisson model at zero produces zeros only, and stays there.
    """

    kind: Literal["alive"] = "alive"
    cite = "Suresh et al. 2412.17646, Theorems 1 and 2"
    label: ClassVar[str] = "share of models with a parameter above 0"
    worse: ClassVar[Literal["up", "down"]] = "down"
    speaks: ClassVar[frozenset[int]] = frozenset({7})

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        if family.kind in ("bernoulli", "poisson"):
            return None
        return f"a parameter of family '{family.kind}' does not die out at 0"

    def measure(self, xp: Any, view: View) -> Array:
        return xp.astype(view.params["theta"] > 0, xp.float64)
