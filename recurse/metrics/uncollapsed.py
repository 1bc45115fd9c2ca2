"""1 while more than one symbol is left; its mean over seeds is the share that has not collapsed."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.families import Family
from recurse.metrics import Metric, View
from recurse.metrics.frequencies import over_contexts, without_tables
from recurse.numerics.arrays import Array
from recurse.sources import Source


class Uncollapsed(Metric):
    """1 while the model can draw two symbols or more, 0 once it is a point.

    Of n-grams: the share of contexts, as the training data have them, with two next tokens or more.
    """

    kind: Literal["uncollapsed"] = "uncollapsed"
    cite = "Seddik et al. 2404.05090 (total collapse)"
    label: ClassVar[str] = "share not collapsed to a point"
    worse: ClassVar[Literal["up", "down"]] = "down"
    speaks: ClassVar[frozenset[int]] = frozenset({5})

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        return without_tables(family)

    def measure(self, xp: Any, view: View) -> Array:
        left = xp.sum(xp.astype(view.params["p"] > 0, xp.float64), axis=-1)
        return over_contexts(xp, xp.astype(left > 1.0, xp.float64), view.params)
