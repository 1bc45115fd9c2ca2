"""Sampling from the most probable outcomes only."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from recurse.families import Family
from recurse.numerics.arrays import Arrays
from recurse.samplers import Sampler


class TopK(Sampler):
    """Draw from the ``k`` most probable outcomes, in proportion to their probabilities.

    All that are as probable as the k-th stay, as in Hugging Face's sampler: a uniform law keeps
    everything, and of small counts more than k may stay.
    """

    kind: Literal["top_k"] = "top_k"
    cite = "Fan et al. 1805.04833"
    k: Annotated[int, Field(ge=1)]

    def refusal(self, family: Family[Any]) -> str | None:
        if "p" in family.parameters:
            return None
        return f"top-k acts on probabilities, and family '{family.kind}' has none"

    def adapt(self, xp: Any, params: Arrays) -> Arrays:
        p = params["p"]
        if self.k >= p.shape[-1]:
            return params
        least = xp.sort(p, axis=-1)[..., -self.k, None]
        kept = xp.where(p >= least, p, xp.zeros_like(p))
        return {**params, "p": kept / xp.sum(kept, axis=-1, keepdims=True)}
