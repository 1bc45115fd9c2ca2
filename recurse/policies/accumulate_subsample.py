"""Data accumulate, but each model sees a fixed budget drawn from the whole pool."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from recurse.policies import Policy
from recurse.policies.accumulate import Accumulate
from recurse.schedule import Row


class AccumulateSubsample(Policy):
    """Train on ``budget`` samples drawn from the real and all synthetic samples so far."""

    kind: Literal["accumulate_subsample"] = "accumulate_subsample"
    cite = "Kazdan et al. 2410.16713; Dey & Donoho 2410.22812 (augment-subsample)"
    budget: Annotated[int, Field(ge=1)] | None = None
    """Samples per fit; by default as many as the real sample has."""
    replacement: bool = False
    """Draw with replacement."""

    def row(self, generation: int, real: int, synthetic: int, fresh: int) -> Row:
        whole = Accumulate().row(generation, real, synthetic, fresh)
        return replace(whole, budget=self.budget or real, replacement=self.replacement)
