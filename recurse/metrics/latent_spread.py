"""The part of the latent space that the encoder still uses."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.families import Family
from recurse.metrics import HeldOut, Needs, View
from recurse.numerics.arrays import Array
from recurse.sources import Source


class LatentSpread(HeldOut):
    """Trace of the covariance of the encoder's posterior means over held-out real data."""

    kind: Literal["latent_spread"] = "latent_spread"
    cite = "Shumailov et al. 2305.17493 (VAE: the latent distribution shrinks)"
    needs: ClassVar[Needs] = ("heldout",)
    quantity: ClassVar[str] = "latent_spread"
    label: ClassVar[str] = "latent spread"
    worse: ClassVar[Literal["up", "down"]] = "down"
    speaks: ClassVar[frozenset[int]] = frozenset({5})

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        if "latent_spread" in family.quantities:
            return None
        return f"family '{family.kind}' has no encoder"

    def measure(self, xp: Any, view: View) -> Array:
        return view.quantities["latent_spread"]
