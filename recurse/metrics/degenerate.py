"""How many components of a mixture are no longer ones that data speak for."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.backend import Array
from recurse.families import Family
from recurse.metrics import Metric, View
from recurse.sources import Source


class Degenerate(Metric):
    """Components with less than one sample of weight, or with a variance at its floor."""

    kind: Literal["degenerate"] = "degenerate"
    label: ClassVar[str] = "degenerate components"

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        if family.kind == "gmm":
            return None
        return f"family '{family.kind}' is no mixture of fitted components"

    def measure(self, xp: Any, view: View) -> Array:
        return view.params["degenerate"]
