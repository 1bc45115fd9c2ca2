"""A fixed real sample beside the synthetic samples of the last model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from recurse.policies import Policy
from recurse.schedule import REAL, Pool, Row, Use


class Mix(Policy):
    """Train on the same real sample every time, plus lambda times as many synthetic ones.

    Seddik's partially synthetic loop (N real and n synthetic samples) is this one without lambda.
    With ``keep`` below 1 only the first part of the real sample stays, as where Shumailov et al.
    keep 10 % of the original data.
    """

    kind: Literal["mix"] = "mix"
    cite = (
        "Bertrand et al. 2310.00429; Alemohammad et al. 2307.01850 (synthetic augmentation); "
        "Seddik et al. 2404.05090 (partially synthetic); Shumailov et al. 2305.17493 (10 % kept)"
    )
    ratio: Annotated[Annotated[float, Field(gt=0, le=1e6)] | None, Field(alias="lambda")] = None
    """Synthetic samples per real sample; by default ``samples.synthetic / samples.real``."""
    keep: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The share of the real sample that stays after generation 0."""

    def row(self, generation: int, real: int, synthetic: int, fresh: int) -> Row:
        count = synthetic if self.ratio is None else round(self.ratio * real)
        kept = round(self.keep * real)
        uses = [Use(REAL, kept)] if kept else []
        if count:
            uses.append(Use(Pool("synthetic", generation), count))
        return Row(generation, count, 0, tuple(uses))
