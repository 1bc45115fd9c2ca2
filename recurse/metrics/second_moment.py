"""The second moment of the model, its own wandering included."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.families import Family
from recurse.metrics import Metric, View
from recurse.numerics.arrays import Array
from recurse.sources import Source


class SecondMoment(Metric):
    """``E||x||^2`` under the model, about the origin: it adds up over the parts of a mixture."""

    kind: Literal["second_moment"] = "second_moment"
    cite = "derived for the loops of Kazdan et al. 2410.16713 and Fu et al. 2402.11778"
    label: ClassVar[str] = "second moment"

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        if "second_moment" in family.parameters:
            return None
        return f"family '{family.kind}' does not give its second moment"

    def measure(self, xp: Any, view: View) -> Array:
        return view.params["second_moment"]
