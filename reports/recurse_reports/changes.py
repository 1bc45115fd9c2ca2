"""The change of each arm from generation 0 to its last one, measured and by theory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recurse.claims.inference import Interval, ratio_interval, rounding, standardised, t_interval
from recurse_reports.subject import Measure, Subject, TheoryLine

LEVEL = 0.05
"""The share of intervals that miss the truth."""
NEAR = 4.0
"""Standard errors within which a mean is called near theory."""


Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Change:
    """A metric of one arm on one backend between generation 0 and ``generation``.

    Infinite values count as measured. ``first`` and ``last`` are ``[R]``, the seeds that have both;
    ``wanted`` counts all seeds.
    """

    arm: str
    backend: str
    measure: Measure
    generation: int
    first: npt.NDArray[np.float64]
    last: npt.NDArray[np.float64]
    wanted: int
    theory: tuple[TheoryLine, ...]
    seeds: npt.NDArray[np.int64]
    """The seeds that have both values, ``[R]`` in ascending order."""

    @property
    def finite(self) -> bool:
        """True if all values are."""
        return bool(np.isfinite(self.first).all() and np.isfinite(self.last).all())

    @property
    def by_ratio(self) -> bool:
        """True if a ratio makes sense: a positive quantity with a zero of its own."""
        if not self.finite:
            return False
        positive = min(self.first.min(), self.last.min()) >= 0 and self.first.mean() > 0
        return bool(positive and self.last.mean() > 0 and not self.measure.absolute)

    @property
    def interval(self) -> Interval:
        """The ratio last : first, or the difference last - first, with its 95 % interval.

        Infinite values leave an infinite difference, or none (NaN), and no interval.
        """
        if not self.finite:
            with np.errstate(invalid="ignore"):
                mid = float(self.last.mean() - self.first.mean())
            return Interval(mid, float("nan"), float("nan"))
        return (ratio if self.by_ratio else difference)(self.first, self.last)

    @property
    def error(self) -> float:
        """Standard error of the last mean, NaN for one seed."""
        n = len(self.last) if self.finite else 0
        return float(self.last.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")

    @property
    def moved(self) -> int:
        """1 if it rose, -1 if it fell, 0 if the interval allows for no change."""
        none = 1.0 if self.by_ratio else 0.0
        found = self.interval
        if found.known and not found.excludes(none):
            return 0
        return int(np.sign(found.estimate - none))

    def errors_from(self, expected: float) -> float:
        """The standard errors by which the last mean exceeds an expectation, rounding taken off.

        NaN without a standard error, infinite where all seeds are equal.
        """
        if not np.isfinite(self.error):
            return float("nan")
        shift, error = np.asarray(self.last.mean() - expected), np.asarray(self.error)
        slack = rounding(self.last, np.asarray(expected))
        return float(standardised(shift, error, slack))

    def line(self, kind: str) -> TheoryLine | None:
        """The curve of theory of that kind that reaches both ends."""
        ends = (0, self.generation)
        for line in self.theory:
            if line.kind == kind and np.isfinite([line.at(g) for g in ends]).all():
                return line
        return None


def changes(subject: Subject, measure: Measure) -> tuple[Change, ...]:
    """The change of every arm and backend that has one, in the order of the plan."""
    theory = subject.theory(measure.kind)
    found = []
    for (arm, backend), curves in subject.arrays(measure.kind).items():
        present = ~np.isnan(curves.values)
        reached = np.flatnonzero((present & present[:1]).any(axis=1))
        if not len(reached) or reached[-1] == 0:
            continue
        generation = int(reached[-1])
        both = present[0] & present[generation]
        mine = tuple(line for line in theory if line.arm == arm)
        ends = curves.values[0, both], curves.values[generation, both]
        found.append(
            Change(arm, backend, measure, generation, *ends, len(both), mine, curves.seeds[both])
        )
    return tuple(found)


def ratio(first: Values, last: Values) -> Interval:
    """Mean of ``last [R]`` over mean of ``first [R]``, none negative, pairs by position; 95 %."""
    found = ratio_interval(last, first, LEVEL)
    return found._replace(low=max(found.low, 0.0)) if found.known else found


def difference(first: Values, last: Values) -> Interval:
    """Mean of ``last [R]`` minus mean of ``first [R]``, pairs by position; 95 %."""
    return t_interval(last - first, LEVEL)


def shape(line: TheoryLine) -> str:
    """``linear``, ``geometric``, ``flat`` or '', from the values of a curve."""
    x, y = line.generations.astype(float), line.values
    if len(x) < 3 or not np.isfinite(y).all():
        return ""
    if np.ptp(y) <= 1e-9 * np.abs(y).max():
        return "flat"
    if _straight(x, y):
        return "linear"
    return "geometric" if (y > 0).all() and _straight(x, np.log(y)) else ""


def _straight(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> bool:
    fitted = np.polyval(np.polyfit(x, y, 1), x)
    return bool(np.abs(fitted - y).max() <= 1e-6 * np.ptp(y))
