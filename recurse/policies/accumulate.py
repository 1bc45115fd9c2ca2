"""Synthetic data are added to the real data and to all earlier synthetic data."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Literal

from recurse.policies import Policy
from recurse.schedule import REAL, Row, Use, made


class Accumulate(Policy):
    """Train on the real sample and every synthetic sample so far."""

    kind: Literal["accumulate"] = "accumulate"
    cite = "Gerstgrasser et al. 2404.01413"
    age: Literal["none", "linear"] = "none"
    """``linear``: of the samples born in generation j, generation g keeps the first ``j/g`` of them
    (Gillman et al. 2402.07087, Gaussian toy)."""

    def row(self, generation: int, real: int, synthetic: int, fresh: int) -> Row:
        runs = [Use(REAL, real)]
        if self.age == "none":
            runs += made(1, generation, synthetic)
        else:
            for first, last, take in _aged(synthetic, generation):
                runs += made(first, last, take)
        return Row(generation, synthetic, 0, tuple(runs))


def _aged(synthetic: int, generation: int) -> Iterator[tuple[int, int, int]]:
    """First birth, last birth and samples kept, for each run of pools that keep equally many."""
    ages = range(1, generation + 1)
    for take, alike in groupby(ages, key=lambda born: synthetic * born // generation):
        born = list(alike)
        yield born[0], born[-1], take
