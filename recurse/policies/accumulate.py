"""Synthetic data are added to the real data and to all earlier synthetic data."""

from __future__ import annotations

from functools import lru_cache
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
        if self.age == "none":
            pools = _everything(real, synthetic, 1 << generation.bit_length())
            return Row(generation, synthetic, 0, pools[: generation + 1])
        uses = [Use(REAL, real)]
        for born in range(1, generation + 1):
            if take := synthetic * born // generation:
                uses.append(Use(Pool("synthetic", born), take))
        return Row(generation, synthetic, 0, tuple(uses))


@lru_cache(maxsize=64)
def _everything(real: int, synthetic: int, generations: int) -> tuple[Use, ...]:
    """All pools up to a generation; rows are prefixes of it, so that a long run stays cheap."""
    later = range(1, generations + 1) if synthetic else ()
    return (Use(REAL, real), *(Use(Pool("synthetic", born), synthetic) for born in later))
