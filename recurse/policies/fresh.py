"""New real data in every generation beside the synthetic samples of the last model."""

from __future__ import annotations

from typing import Literal

from recurse.policies import Policy
from recurse.schedule import Pool, Row, Use


class Fresh(Policy):
    """Train on ``samples.fresh`` new real samples and the synthetic samples of the last model."""

    kind: Literal["fresh"] = "fresh"
    cite = "Alemohammad et al. 2307.01850 (fresh data loop)"

    def row(self, generation: int, real: int, synthetic: int, fresh: int) -> Row:
        both = (
            Use(Pool("fresh", generation), fresh),
            Use(Pool("synthetic", generation), synthetic),
        )
        return Row(generation, synthetic, fresh, tuple(use for use in both if use.take))
