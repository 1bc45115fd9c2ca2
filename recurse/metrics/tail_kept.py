"""The part of the tail of real data that the model still has."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from recurse.families import Family
from recurse.metrics import Needs, Sampled, View
from recurse.metrics.unlikely import mass, without_density
from recurse.numerics.arrays import Array
from recurse.sources import Discrete, Source
from recurse.sources.uniform import UniformSource


class TailKept(Sampled):
    """The model's mass where the real density is below its ``share``-quantile, as a part of it.

    At most 1: what a model puts there beyond the real mass is not its tail, and one model that has
    wandered off does not make up for another that has lost its tails. Exact for symbols; otherwise
    from samples, which keep a true model some ``0.4 sqrt((1 - share) / (share samples))`` below 1.
    """

    kind: Literal["tail_kept"] = "tail_kept"
    cite = "Schaeffer et al. 2503.03150, definition 7 (in words there)"
    needs: ClassVar[Needs] = ("samples", "rarity")
    label: ClassVar[str] = "part of the real tail left"
    worse: ClassVar[Literal["up", "down"]] = "down"
    speaks: ClassVar[frozenset[int]] = frozenset({7})
    share: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    """The share of real data that are the tail: the least likely ones."""
    samples: Annotated[int, Field(ge=50, le=100_000)] = 1000
    """Samples drawn per model; none for symbols."""

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        if (reason := without_density(source, family)) is not None:
            return reason
        if isinstance(source, UniformSource):
            return "a uniform law has no tail: all of it is equally likely"
        if isinstance(source, Discrete):
            rarity = source.rarity(np.arange(source.alphabet))
            if rarity is None or not np.any((rarity > 0) & (rarity <= self.share)):
                return f"no symbols are the rarest {self.share:g} of the real data"
        return None

    def measure(self, xp: Any, view: View) -> Array:
        there = mass(xp, view, self.share, self.samples, possible=True)
        if "p" in view.params:
            tail = (view.rarity > 0.0) & (view.rarity <= self.share)
            q = view.truth["p"]
            return xp.clip(there / xp.sum(xp.where(tail, q, xp.zeros_like(q)), axis=1), max=1.0)
        return xp.clip(there / self.share, max=1.0)
