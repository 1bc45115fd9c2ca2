"""The metric keeps rising, or falling: a slope per seed, or the last mean over the first."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from recurse.claims import Finding
from recurse.claims.inference import (
    ROUNDING,
    Array,
    Interval,
    above,
    needed_seeds,
    ratio_interval,
    slopes,
    t_interval,
    too_few,
)
from recurse.claims.trend import Trend


class Grows(Trend):
    """A trend in one direction.

    A least-squares slope is taken over the generations of each seed; seeds are independent, so the
    slopes have a t interval. The claim holds if the whole interval is steeper than ``at_least``: a
    metric without that trend passes with probability ``level / 2`` at most. With ``factor`` the
    ratio of means, last over first, is judged the same way (Fieller's interval, with the pairing by
    seed); a ratio of means, because a mean of ratios is dominated by seeds that start near zero. It
    fails if the whole interval lies on the other side; if the bound lies inside, the results cannot
    tell.
    """

    fewest: ClassVar[int] = 3
    kind: Literal["grows"] = "grows"
    direction: Literal["up", "down"] = "up"
    """``down``: the metric falls."""
    at_least: Annotated[float, Field(ge=0)] = 0.0
    """The steepness in the claimed direction, per generation; of the logarithm on a log scale."""
    scale: Literal["linear", "log"] = "linear"
    """``log``: exponential growth; needs positive values."""
    factor: Annotated[float, Field(gt=0)] | None = None
    """In place of a slope: the last mean is at least (down: at most) so many times the first."""

    @model_validator(mode="after")
    def _slope_or_factor(self) -> Grows:
        if self.factor is None:
            return self
        if self.at_least or self.scale == "log":
            raise ValueError("'factor' takes the place of 'at_least' and 'scale'")
        if (self.factor > 1.0) != (self.direction == "up") and self.factor != 1.0:
            word = "above" if self.direction == "up" else "below"
            raise ValueError(f"going {self.direction} by a factor means a factor {word} 1")
        return self

    def statement(self) -> str:
        up = self.direction == "up"
        tail = f"{self.span()} (interval at level {self.level:g})"
        if self.factor is not None:
            bound = "at least" if up else "at most"
            change = f"by a factor of {bound} {self.factor:g}"
            return f"{self.about()} {'grows' if up else 'falls'} {change} {tail}"
        pace = f" by more than {self.at_least:g} per generation" if self.at_least else ""
        log = "the logarithm of " if self.scale == "log" else ""
        return f"{log}{self.about()} {'grows' if up else 'falls'}{pace} {tail}"

    def over(self, generations: Array, rows: Array) -> Finding:
        if self.factor is not None:
            return self._ratio(rows, self.factor)
        if self.scale == "log" and not (rows > 0).all():
            return False, "not all values are positive: no logarithm"
        shown = np.log(rows) if self.scale == "log" else rows
        at = t_interval(slopes(generations, shown), self.level)
        noise = ROUNDING * float(np.abs(shown).max() / (generations[-1] - generations[0]))
        return self._finding(
            "log slope" if self.scale == "log" else "slope", at, noise, rows.shape[1]
        )

    def _ratio(self, rows: Array, factor: float) -> Finding:
        if rows[0].mean() <= 0:
            return False, "the first mean is not positive: no ratio"
        at = ratio_interval(rows[-1], rows[0], self.level)
        noise = ROUNDING * factor
        return self._finding("ratio of the last mean to the first", at, noise, rows.shape[1])

    def _finding(self, noun: str, at: Interval, noise: float, seeds: int) -> Finding:
        up = self.direction == "up"
        bound = self.at_least if up else -self.at_least
        bound = bound if self.factor is None else self.factor
        sign = 1.0 if up else -1.0
        turned = at if up else Interval(-at.estimate, -at.high, -at.low)
        holds = above(turned, sign * bound, noise)
        evidence = (
            f"{noun} {at.estimate:.4g}, {1 - self.level:.4g} interval {at.low:.4g} to "
            f"{at.high:.4g}, to be {'above' if up else 'below'} {bound + 0.0:.4g}"
        )
        if holds is None:
            reach = turned.estimate - turned.low
            enough = needed_seeds(seeds, reach, abs(turned.estimate - sign * bound))
            evidence += f"; {too_few(seeds, enough)}"
        return holds, evidence
