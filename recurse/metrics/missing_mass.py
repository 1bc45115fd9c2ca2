"""The true probability of all that the model has lost."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.families import Family
from recurse.metrics import Metric, Needs, View
from recurse.metrics.frequencies import known, over_contexts, without_truth
from recurse.numerics.arrays import Array
from recurse.sources import Source


class MissingMass(Metric):
    """``sum of q_i over symbols with p_i = 0``: the chance that a real sample is new to the model.

    It is the test error of the memoriser (Hutter), which knows the label of what it has seen.
    Of n-grams: the share of a real block's grams that are new to it.
    """

    kind: Literal["missing_mass"] = "missing_mass"
    cite = "Dohmatob et al. 2402.07043, equation 9"
    needs: ClassVar[Needs] = ("truth",)
    label: ClassVar[str] = "true mass of lost symbols"
    speaks: ClassVar[frozenset[int]] = frozenset({4, 7})

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        return without_truth(source, family)

    def measure(self, xp: Any, view: View) -> Array:
        q = view.truth["p"]
        lost = xp.where(known(xp, view.params), xp.zeros_like(q), q)
        return over_contexts(xp, xp.sum(lost, axis=-1), view.truth)
