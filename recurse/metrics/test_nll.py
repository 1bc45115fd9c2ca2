"""Negative log-likelihood of held-out real data."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from recurse.families import Family
from recurse.metrics import HeldOut, Needs, View
from recurse.numerics.arrays import Array
from recurse.sources import Source


class HeldoutNll(HeldOut):
    """Mean negative log-likelihood of held-out real data, in nats per sample.

    Of blocks of tokens per token, so that its exponential is the perplexity.
    """

    kind: Literal["test_nll"] = "test_nll"
    needs: ClassVar[Needs] = ("heldout",)
    quantity: ClassVar[str] = "log_prob"
    label: ClassVar[str] = "test NLL (nats)"
    speaks: ClassVar[frozenset[int]] = frozenset({1, 2, 3})
    logarithmic: ClassVar[bool] = True
    heldout: Annotated[int, Field(ge=10, le=1_000_000)] = 1000
    """Held-out samples per seed if the source is a law; a data set has its own test split."""

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        if "y" in source.fields and getattr(source, "noise", None) == 0:
            return "labels without noise have no density"
        if "log_prob" in family.quantities:
            return None
        return f"family '{family.kind}' has no exact density (it offers {family.quantities})"

    def measure(self, xp: Any, view: View) -> Array:
        return -view.quantities["log_prob"]
