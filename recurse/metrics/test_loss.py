"""The training objective of a neural model on held-out real data."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.families import Family
from recurse.metrics import HeldOut, Needs, View
from recurse.numerics.arrays import Array
from recurse.sources import Source


class HeldoutLoss(HeldOut):
    """Mean loss of held-out real data, of the denoising or matching objective of the family."""

    kind: Literal["test_loss"] = "test_loss"
    cite = "Gerstgrasser et al. 2404.01413 (diffusion: test loss by iteration)"
    needs: ClassVar[Needs] = ("heldout",)
    quantity: ClassVar[str] = "test_loss"
    label: ClassVar[str] = "test loss"
    speaks: ClassVar[frozenset[int]] = frozenset({1, 2, 3, 4})

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        if "test_loss" in family.quantities:
            return None
        return f"family '{family.kind}' has no loss of single samples"

    def measure(self, xp: Any, view: View) -> Array:
        return view.quantities["test_loss"]
