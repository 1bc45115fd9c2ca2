"""Entropy of the model's law of symbols."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.families import Family
from recurse.metrics import Metric, View
from recurse.metrics.frequencies import over_contexts, without_tables
from recurse.numerics.arrays import Array
from recurse.sources import Source


class Entropy(Metric):
    """``-sum p_i log p_i`` in nats: 0 for a point, ``log K`` for the uniform law.

    Of n-grams: that of the next token after each context, averaged over those of the training data
    (the entropy rate of long blocks).
    """

    kind: Literal["entropy"] = "entropy"
    cite = "Marchi et al. 2404.02325"
    label: ClassVar[str] = "entropy (nats)"
    worse: ClassVar[Literal["up", "down"]] = "down"
    speaks: ClassVar[frozenset[int]] = frozenset({5})

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        return without_tables(family)

    def measure(self, xp: Any, view: View) -> Array:
        p = view.params["p"]
        some = xp.where(p > 0, p, xp.ones_like(p))
        each = xp.abs(xp.sum(p * xp.log(some), axis=-1))  # no minus zero
        return over_contexts(xp, each, view.params)
