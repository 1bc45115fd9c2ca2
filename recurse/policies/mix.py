"""A fixed real sample beside the synthetic samples of the last model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from recurse.policies import Policy
from recurse.schedule import REAL, Pool, Row, Use


class Mix(Policy):
    """Train on the same real sample every time, plus lambda times as many synthetic ones.

    Seddik's partially synthetic loop (N real and n synthetic samples) is this one without lambda.
    """

    kind: Literal["mix"] = "mix"
    cite = (
        "Bertrand et al. 2310.00429; Alemohammad et al. 2307.01850 (synthetic augmentation); "
        "Seddik et al. 2404.05090 (partially synthetic)"
    )
    ratio: Annotated[Annotated[float, Field(gt=0)] | None, Field(alias="lambda")] = None
    """Synthetic samples per real sample; by default ``samples.synthetic / samples.real``."""

    def row(self, generation: int, real: int, synthetic: int, fresh: int) -> Row:
        count = synthetic if self.ratio is None else round(self.ratio * real)
        uses = [Use(REAL, real)]
        if count:
            uses.append(Use(Pool("synthetic", generation), count))
        return Row(generation, count, 0, tuple(uses))
