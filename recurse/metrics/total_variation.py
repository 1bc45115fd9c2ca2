"""Total variation distance between the model and the source."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from recurse.families import Family
from recurse.metrics import HeldOut, Needs, View
from recurse.numerics.arrays import Array
from recurse.sources import Source


class TotalVariation(HeldOut):
    """``E_q max(0, 1 - p/q)`` over held-out draws of the source q: unbiased for ``TV(p, q)``."""

    kind: Literal["total_variation"] = "total_variation"
    cite = "Fu et al. 2402.11778 (the distance that is bounded there)"
    needs: ClassVar[Needs] = ("heldout",)
    quantity: ClassVar[str] = "total_variation"
    label: ClassVar[str] = "total variation distance"
    speaks: ClassVar[frozenset[int]] = frozenset({1, 2, 4})
    heldout: Annotated[int, Field(ge=10, le=1_000_000)] = 1000
    """Draws of the source per seed."""

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        if "total_variation" not in family.quantities:
            return f"family '{family.kind}' does not offer it"
        if (
            "x" not in source.fields
            or source.log_density(np.zeros((1, *source.fields["x"]))) is None
        ):
            return f"the density of source '{source.kind}' is not known"
        return None

    def measure(self, xp: Any, view: View) -> Array:
        return view.quantities["total_variation"]
