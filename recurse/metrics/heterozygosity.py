"""The chance that two samples of the model differ: one minus the sum of squared probabilities."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.families import Family
from recurse.metrics import Metric, View
from recurse.metrics.frequencies import over_contexts, without_tables
from recurse.numerics.arrays import Array
from recurse.sources import Source


class Heterozygosity(Metric):
    """``1 - sum p_i^2`` (Gini-Simpson index): 0 for a point, ``1 - 1/K`` for the uniform law.

    Of n-grams: after each context, averaged over those of the training data.
    """

    kind: Literal["heterozygosity"] = "heterozygosity"
    cite = "Wright 1931; Seddik et al. 2404.05090"
    label: ClassVar[str] = "1 - sum of squared probabilities"
    worse: ClassVar[Literal["up", "down"]] = "down"
    speaks: ClassVar[frozenset[int]] = frozenset({5})

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        return without_tables(family)

    def measure(self, xp: Any, view: View) -> Array:
        p = view.params["p"]
        return over_contexts(xp, xp.sum(p * (1.0 - p), axis=-1), view.params)
