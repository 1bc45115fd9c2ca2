"""No model of symbols has a lower expected test loss than the entropy of the source."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from recurse.theory.law import Curve, Law

CITE = "Gibbs' inequality"


class SourceEntropy(Law):
    """``E test_nll = H(q) + KL(q, p)``, at least ``H(q)``, whatever the model was fitted on.

    Of n-grams per token: the entropy of a block over its length.
    """

    name: ClassVar[str] = "source_entropy"
    families: ClassVar[tuple[str, ...]] = ("categorical", "ngram")
    metrics: ClassVar[tuple[str, ...]] = ("test_nll",)

    def refusal(self, arm: Any) -> str | None:
        if arm.source.law not in self.families:
            return f"the probabilities of a {arm.source.kind} source are not known"
        if arm.source.law == "ngram" and arm.source.start == "even":
            return "stated for blocks whose beginning is drawn"
        return None

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        level = np.full(arm.generations + 1, entropy_of(arm.source))
        return (Curve("test_nll", "bound", "lower bound: entropy of the source", level, CITE),)


def entropy_of(source: Any) -> float:
    """Nats per symbol of independent symbols, or per token of blocks from a Markov chain."""
    if source.law == "categorical":
        return float(_entropy(source.p))
    after = _entropy(source.table)
    total = float(_entropy(source.beginning)) + sum(float(law @ after) for law in source.contexts())
    return total / float(source.length)


def _entropy(p: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = -np.sum(p * np.log(np.where(p > 0, p, 1.0)), axis=-1)
    return found
