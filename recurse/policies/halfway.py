"""The control between replace and accumulate: the last model alone, as many samples as a pool."""

from __future__ import annotations

from typing import Literal

from recurse.policies import Policy
from recurse.schedule import Pool, Row, Use


class Halfway(Policy):
    """Train on the last model alone, on as many samples as ``accumulate`` has by then."""

    kind: Literal["halfway"] = "halfway"
    cite = "Gerstgrasser et al. 2404.01413, appendix E"

    def row(self, generation: int, real: int, synthetic: int, fresh: int) -> Row:
        count = real + synthetic * generation
        return Row(generation, count, 0, (Use(Pool("synthetic", generation), count),))
