"""How many symbols the model still knows."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.backend import Array
from recurse.families import Family
from recurse.metrics import Metric, View
from recurse.metrics.frequencies import without_frequencies
from recurse.sources import Source


class Unique(Metric):
    """The number of symbols with positive probability."""

    kind: Literal["unique"] = "unique"
    cite = "Suresh et al. 2412.17646, Corollary 1"
    label: ClassVar[str] = "symbols left"
    worse: ClassVar[Literal["up", "down"]] = "down"
    speaks: ClassVar[frozenset[int]] = frozenset({7})

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        return without_frequencies(family)

    def measure(self, xp: Any, view: View) -> Array:
        return xp.sum(xp.astype(view.params["p"] > 0, xp.float64), axis=-1)
