"""The metric stays where it is: its change is shown to be small, not merely not shown to exist."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from recurse.claims import Finding, Level
from recurse.claims.inference import (
    ROUNDING,
    Array,
    Interval,
    needed_seeds,
    ratio_interval,
    too_few,
)
from recurse.claims.trend import Trend


class Plateaus(Trend):
    """An equivalence test at every generation (two one-sided t tests each, Schuirmann 1987).

    The change of a generation is its mean over that at ``after``, less one, with Fieller's interval
    at ``1 - 2 level``. The claim holds if every interval lies within ``tolerance`` on both sides.
    As every interval has to, a loop that changes by the tolerance or more at any generation, in
    whatever shape, passes with probability ``level`` at most (an intersection-union test, Berger
    1982). It fails if a generation is shown to be outside, at ``level`` shared by all of them;
    else the results cannot tell.
    """

    fewest: ClassVar[int] = 3
    kind: Literal["plateaus"] = "plateaus"
    tolerance: Annotated[float, Field(gt=0)] = 0.05
    """The largest change, relative to the mean at ``after``."""
    level: Level = 0.05
    """The probability that a change as large as the tolerance passes."""

    def statement(self) -> str:
        return (
            f"{self.about()} changes by less than {self.tolerance:.3g} of its value "
            f"{self.span()} (equivalence test at level {self.level:g})"
        )

    def over(self, generations: Array, rows: Array) -> Finding:
        first, later, seeds = rows[0], rows[1:], rows.shape[1]
        if first.mean() == 0:
            return False, "the first mean is zero: no relative change"
        found = [ratio_interval(row, first, 2 * self.level) for row in later]
        change = np.array([abs(at.estimate - 1.0) for at in found])
        reach = np.array([max(1.0 - at.low, at.high - 1.0) for at in found])
        worst = int(np.argmax(reach))
        # A relative change has the sign of the change, also where the metric is negative.
        sign = float(np.sign(first.mean()))
        at = Interval(*(sign * (limit - 1.0) for limit in found[worst]))
        evidence = (
            f"relative change {at.estimate:.3g} at generation {generations[worst + 1]:.0f}, "
            f"{1 - 2 * self.level:.4g} interval {min(at[1:]):.3g} to {max(at[1:]):.3g}, "
            f"tolerance {self.tolerance:.3g}"
        )
        allowed = self.tolerance + ROUNDING
        if reach.max() <= allowed:
            return True, evidence
        strict = [ratio_interval(row, first, 2 * self.level / len(later)) for row in later]
        if any(max(at.low - 1.0, 1.0 - at.high) > allowed for at in strict):
            return False, evidence
        # A change beyond the tolerance may be chance: half of that is what must be seen then.
        room = np.maximum(self.tolerance - change, self.tolerance / 2)
        undecided = np.flatnonzero(reach > allowed)
        enough = max(needed_seeds(seeds, reach[g] - change[g], room[g]) for g in undecided)
        return None, f"{evidence}; {too_few(seeds, enough)}"
