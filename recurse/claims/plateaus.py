"""The metric stays where it is: its change is shown to be small, not merely not shown to exist."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from recurse.claims import Finding, Level
from recurse.claims.inference import Array, ratio_interval, slopes
from recurse.claims.trend import Trend


class Plateaus(Trend):
    """An equivalence test (two one-sided t tests, Schuirmann 1987).

    The change is the least-squares slope of each seed times the length of the stretch, relative to
    the mean at ``after``; a ratio of means, with Fieller's interval at ``1 - 2 level``. The claim
    holds if the interval lies within ``tolerance`` on both sides, so a change that large passes
    with probability ``level`` at most, and few seeds make it fail, not pass. A line can be level
    under a hump: the mean of every generation must lie within ``tolerance`` of the first too.
    """

    fewest: ClassVar[int] = 3
    kind: Literal["plateaus"] = "plateaus"
    tolerance: Annotated[float, Field(gt=0)] = 0.05
    """The largest change, relative to the mean at ``after``."""
    level: Level = 0.05
    """Of each of the two one-sided tests."""

    def statement(self) -> str:
        return (
            f"{self.about()} changes by less than {self.tolerance:.3g} of its value "
            f"{self.span()} (equivalence test at level {self.level:g})"
        )

    def over(self, generations: Array, rows: Array) -> Finding:
        means = rows.mean(axis=1)
        if means[0] == 0:
            return False, "the first mean is zero: no relative change"
        # A relative change has the sign of the change, also where the metric is negative.
        base = np.sign(means[0]) * rows[0]
        change = slopes(generations, rows) * (generations[-1] - generations[0])
        at = ratio_interval(change, base, 2 * self.level)
        departures = np.abs(means / means[0] - 1.0)
        worst = int(np.argmax(departures))
        level = max(-at.low, at.high) < self.tolerance
        return bool(level and departures[worst] <= self.tolerance), (
            f"relative change {at.estimate:.3g}, {1 - 2 * self.level:.4g} interval {at.low:.3g} to "
            f"{at.high:.3g}, largest departure of a mean {departures[worst]:.3g} at generation "
            f"{generations[worst]:.0f}, tolerance {self.tolerance:.3g}"
        )
