"""The last model alone, with a number of samples that changes from generation to generation."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from recurse.policies import Policy
from recurse.schedule import Pool, Row, Use

MOST = 1_000_000_000


class Grow(Policy):
    """Train on the last model alone; generation g draws n, changed by a law, from 1 to 10^9."""

    kind: Literal["grow"] = "grow"
    cite = "Shumailov et al. 2305.17493 (sizes M_i); Suresh et al. 2412.17646"
    law: Literal["power", "geometric"] = "power"
    """``power``: ``n (g + 1)^rate`` samples; ``geometric``: ``n rate^g``; n is
    ``samples.synthetic``."""
    rate: Annotated[float, Field(gt=0, le=100)] = 1.0
    """The exponent, or the factor per generation; errors stay bounded if the sum of 1/n is."""

    def row(self, generation: int, real: int, synthetic: int, fresh: int) -> Row:
        if self.law == "power":
            growth = self.rate * math.log(generation + 1)
        else:
            growth = generation * math.log(self.rate)
        bounded = min(math.log(max(synthetic, 1)) + growth, math.log(MOST))
        count = max(round(math.exp(bounded)), 1)
        return Row(generation, count, 0, (Use(Pool("synthetic", generation), count),))
