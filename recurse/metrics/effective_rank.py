"""The number of directions of the labels that a loop of kernel regressions has kept."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.families import Family
from recurse.metrics import Metric, View
from recurse.numerics.arrays import Array
from recurse.sources import Source


class EffectiveRank(Metric):
    """``(sum_j p_j)^2 / sum_j p_j^2`` with ``p_j = prod_t d_j / (c_t + d_j)``; 0 for f = 0.

    The diagonal product of Mobahi et al.: what self-distillation has left of each direction of the
    labels. It becomes sparser with every fit, so this falls.
    """

    kind: Literal["effective_rank"] = "effective_rank"
    cite = "Mobahi et al. 2002.05715 (the diagonal of B_t); as a participation ratio: ours"
    label: ClassVar[str] = "effective rank"
    worse: ClassVar[Literal["up", "down"]] = "down"

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        if family.kind == "kernel_ridge":
            return None
        return f"family '{family.kind}' does not shrink labels in a fixed basis"

    def measure(self, xp: Any, view: View) -> Array:
        product = view.params["product"]
        top = xp.max(product, axis=1)
        alive = top > 0.0
        # Relative to the largest: products of many factors are too small to be squared.
        part = product / xp.where(alive, top, xp.ones_like(top))[:, None]
        total, square = xp.sum(part, axis=1), xp.sum(part**2, axis=1)
        return total**2 / xp.where(alive, square, xp.ones_like(square))
