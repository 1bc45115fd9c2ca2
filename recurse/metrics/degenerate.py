"""The degenerate parts of a fit: components that no data speak for, or the fit as a whole."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.families import Family
from recurse.metrics import Metric, View
from recurse.numerics.arrays import Array
from recurse.sources import Source


class Degenerate(Metric):
    """The count that the family records as degenerate, by the rule that it states.

    Of a mixture the components with less than one sample of weight or with a variance at its floor;
    of a generalised linear model 1 if the likelihood has no maximum within reach, else 0.
    """

    kind: Literal["degenerate"] = "degenerate"
    label: ClassVar[str] = "degenerate fits or components"

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        if "degenerate" in family.parameters:
            return None
        return f"family '{family.kind}' records no degenerate fits"

    def measure(self, xp: Any, view: View) -> Array:
        return view.params["degenerate"]
