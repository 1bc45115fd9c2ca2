"""New real data in every generation beside the synthetic samples of the last few models."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from recurse.policies import Policy
from recurse.schedule import Pool, Row, Use, made


class Memory(Policy):
    """Train on ``samples.fresh`` new real samples and those that the last ``size`` models made."""

    kind: Literal["memory"] = "memory"
    cite = "Alemohammad et al. 2307.01850 (fresh data loop with a memory of K generations)"
    size: Annotated[int, Field(ge=1)]
    """The number of generations of synthetic samples kept; 1 is ``fresh``."""

    def row(self, generation: int, real: int, synthetic: int, fresh: int) -> Row:
        new = (Use(Pool("fresh", generation), fresh),) if fresh else ()
        kept = made(max(generation - self.size + 1, 1), generation, synthetic)
        return Row(generation, synthetic, fresh, (*new, *kept))
