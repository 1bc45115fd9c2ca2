"""The evidence lower bound of held-out real data."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.families import Family
from recurse.metrics import HeldOut, Needs, View
from recurse.numerics.arrays import Array
from recurse.sources import Source


class Elbo(HeldOut):
    """Mean evidence lower bound of held-out real data, in nats per sample; higher is better."""

    kind: Literal["elbo"] = "elbo"
    cite = "Kingma & Welling 1312.6114, equation 3"
    needs: ClassVar[Needs] = ("heldout",)
    quantity: ClassVar[str] = "elbo"
    label: ClassVar[str] = "test ELBO (nats)"
    worse: ClassVar[Literal["up", "down"]] = "down"
    speaks: ClassVar[frozenset[int]] = frozenset({1, 2, 3})
    logarithmic: ClassVar[bool] = True

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        return None if "elbo" in family.quantities else f"family '{family.kind}' has no ELBO"

    def measure(self, xp: Any, view: View) -> Array:
        return view.quantities["elbo"]
