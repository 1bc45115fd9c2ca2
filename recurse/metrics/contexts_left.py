"""The number of contexts that a model of n-grams has seen."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.families import Family
from recurse.metrics import Metric, View
from recurse.numerics.arrays import Array
from recurse.sources import Source


class ContextsLeft(Metric):
    """The number of contexts that a token followed in the training data.

    After any other context an n-gram model falls back on the law of a shorter one.
    """

    kind: Literal["contexts_left"] = "contexts_left"
    label: ClassVar[str] = "contexts seen"
    worse: ClassVar[Literal["up", "down"]] = "down"
    speaks: ClassVar[frozenset[int]] = frozenset({7})

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        return None if family.kind == "ngram" else f"family '{family.kind}' has no contexts"

    def measure(self, xp: Any, view: View) -> Array:
        return xp.sum(xp.astype(view.params["contexts"] > 0, xp.float64), axis=1)
