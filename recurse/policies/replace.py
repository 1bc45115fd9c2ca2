"""Each model is trained only on samples of the last model."""

from __future__ import annotations

from typing import Literal

from recurse.policies import Policy
from recurse.schedule import Pool, Row, Use


class Replace(Policy):
    """Train on the synthetic samples of the last model alone."""

    kind: Literal["replace"] = "replace"
    cite = "Shumailov et al. 2305.17493; Gerstgrasser et al. 2404.01413"

    def row(self, generation: int, real: int, synthetic: int, fresh: int) -> Row:
        return Row(generation, synthetic, 0, (Use(Pool("synthetic", generation), synthetic),))
