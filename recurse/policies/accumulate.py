"""Synthetic data are added to the real data and to all earlier synthetic data."""

from __future__ import annotations

from typing import Literal

from recurse.policies import Policy
from recurse.schedule import REAL, Pool, Row, Use


class Accumulate(Policy):
    """Train on the real sample and every synthetic sample so far."""

    kind: Literal["accumulate"] = "accumulate"
    cite = "Gerstgrasser et al. 2404.01413"
    age: Literal["none", "linear"] = "none"
    """``linear``: of the samples born in generation j, generation g keeps the first ``j/g`` of them
    (Gillman et al. 2402.07087, Gaussian toy)."""

    def row(self, generation: int, real: int, synthetic: int, fresh: int) -> Row:
        uses = [Use(REAL, real)]
        for born in range(1, generation + 1):
            take = synthetic * born // generation if self.age == "linear" else synthetic
            if take:
                uses.append(Use(Pool("synthetic", born), take))
        return Row(generation, synthetic, 0, tuple(uses))
