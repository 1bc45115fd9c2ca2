"""Total variation distance of the model's probabilities to the true ones."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.families import Family
from recurse.metrics import Metric, Needs, View
from recurse.metrics.frequencies import over_contexts, without_truth
from recurse.numerics.arrays import Array
from recurse.sources import Source


class TvError(Metric):
    """``sum |p_i - q_i| / 2``; of n-grams after each context, averaged as the source has them."""

    kind: Literal["tv_error"] = "tv_error"
    cite = "Seddik et al. 2404.05090 (bound of the total variation)"
    needs: ClassVar[Needs] = ("truth",)
    label: ClassVar[str] = "total variation of the probabilities"
    speaks: ClassVar[frozenset[int]] = frozenset({1, 2, 4})

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        return without_truth(source, family)

    def measure(self, xp: Any, view: View) -> Array:
        each = xp.sum(xp.abs(view.params["p"] - view.truth["p"]), axis=-1) / 2.0
        return over_contexts(xp, each, view.truth)
