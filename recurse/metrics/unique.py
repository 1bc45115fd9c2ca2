"""The number of symbols that the model still knows."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.families import Family
from recurse.metrics import Metric, View
from recurse.metrics.frequencies import known, without_tables
from recurse.numerics.arrays import Array
from recurse.sources import Source


class Unique(Metric):
    """The number of symbols with positive probability; of n-grams, those of contexts seen."""

    kind: Literal["unique"] = "unique"
    cite = "Suresh et al. 2412.17646, Corollary 1"
    label: ClassVar[str] = "symbols or n-grams left"
    worse: ClassVar[Literal["up", "down"]] = "down"
    speaks: ClassVar[frozenset[int]] = frozenset({7})

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        return without_tables(family)

    def measure(self, xp: Any, view: View) -> Array:
        left = xp.astype(known(xp, view.params), xp.float64)
        return xp.sum(left, axis=tuple(range(1, left.ndim)))
