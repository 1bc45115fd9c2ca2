"""Accumulated synthetic data that fade with age, under the name that Gillman et al. have for it."""

from __future__ import annotations

from typing import Literal

from recurse.policies import Policy
from recurse.policies.accumulate import Accumulate
from recurse.schedule import Row

AGED = Accumulate(age="linear")


class AugmentAged(Policy):
    """Train on the real sample and, in generation g, on the first ``j/g`` of the samples born in j.

    The same rows as ``{kind: accumulate, age: linear}``.
    """

    kind: Literal["augment_aged"] = "augment_aged"
    cite = "Gillman et al. 2402.07087 (Gaussian toy)"

    def row(self, generation: int, real: int, synthetic: int, fresh: int) -> Row:
        return AGED.row(generation, real, synthetic, fresh)
