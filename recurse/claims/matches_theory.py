"""The mean over seeds follows the law: at every generation within some standard errors of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from recurse.claims import (
    Claim,
    Finding,
    Generation,
    Level,
    Prospect,
    Series,
    Setting,
    beyond,
    count,
)
from recurse.claims.inference import (
    MOST_SEEDS,
    Array,
    exact_shares,
    heaviest,
    mean_error,
    rounding,
    standardised,
    t_limit,
    t_tail,
    too_few,
)
from recurse.claims.laws import along, choose, finite
from recurse.claims.skewness import EDGE, edge, guarded

HEAVY = 0.5
LEVEL = 0.01
"""The family-wise level where a spec gives no limit."""


class MatchesTheory(Claim):
    """The mean over seeds against the expected value.

    The claim holds unless a generation lies outside the limit. The level is that of all generations
    and arms together (Bonferroni; t with one degree of freedom less than seeds, corrected for
    skewness: `recurse.claims.skewness`). Shares of events (a metric that is 0 or 1) are judged by
    the binomial law, at the same level. A generation whose values are too skewed for the seeds at
    hand is not judged, and the evidence says so; where no generation is left, or no test of that
    level would see anything, the results cannot tell.

    A law gives an expectation. Where rare seeds carry it (an unbiased Gaussian under ``replace``
    beyond generation ~2n: Alemohammad et al. 2307.01850, App. A) the mean of any number of seeds
    that can be run is below it: list ``generations`` before that. The evidence says so where one
    seed alone carries more than half of the spread.
    """

    fewest: ClassVar[int] = 5
    kind: Literal["matches_theory"] = "matches_theory"
    generations: Annotated[tuple[Generation, ...], Field(min_length=1)] | None = None
    """The generations compared; by default all for which the law has a value."""
    within_se: Annotated[float, Field(gt=0)] | None = None
    """In place of ``level``: the limit in standard errors at each generation."""
    level: Level | None = None
    """The probability that a right program fails, all generations and arms together; 0.01 unless
    ``within_se`` is given."""
    rtol: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The relative error that the curve itself may have; for laws of large n."""
    curve: str = ""
    """The name of the curve, or a part of it; the exact law by default."""

    @model_validator(mode="after")
    def _one_limit(self) -> MatchesTheory:
        if self.within_se is not None and self.level is not None:
            raise ValueError("give 'within_se' or 'level', not both")
        return self

    def statement(self) -> str:
        law = f"'{self.curve}'" if self.curve else "its exact law"
        slack = f", give or take {self.rtol:.3g} of it," if self.rtol else ""
        where = f" at generations {_listed(self.generations)}" if self.generations else ""
        limit = f"at family-wise level {self._level:g}"
        if self.within_se is not None:
            limit = f"within {self.within_se:g} standard errors"
        return f"the mean of {self.about()} follows {law}{slack} {limit}{where}"

    def find(self, series: Series, setting: Setting) -> Finding:
        law = choose(series.theory, self.metric, self.curve)
        if isinstance(law, str):
            return None, law
        wanted = self.generations or finite(law, series.last)
        if (defect := series.defect(wanted, self.fewest)) is not None:
            return defect
        expected, rows = along(law, wanted), series.rows(wanted)
        if not np.isfinite(expected).all():
            return None, f"the law has no value at generation {wanted[_unknown(expected)]}"
        mean, error = mean_error(rows)
        slack = rounding(rows, expected) + self.rtol * np.abs(expected)
        events = bool(((rows == 0.0) | (rows == 1.0)).all())
        skewed = np.zeros(len(wanted)) if events else edge(rows)
        z = guarded(standardised(mean - expected, error, slack), skewed)
        if events:
            z = exact_shares(rows, expected, slack)
        seeds, tests = len(series.seeds), len(wanted) * setting.series
        limit, alarm = self._limit(tests, seeds)
        judged = skewed < EDGE
        if (needed := self._needed(tests, seeds)) > seeds or not judged.any():
            needed = max(needed, float(seeds * (skewed.max() / EDGE) ** 2))
            return None, f"{_left_out(wanted, judged, seeds)}{too_few(seeds, needed)}"
        worst = int(np.argmax(np.where(judged, np.abs(z), -1.0)))
        text = (
            f"max |z| {abs(z[worst]):.2f} at generation {wanted[worst]} "
            f"(mean {mean[worst]:.4g}, law {expected[worst]:.4g}; {seeds} seeds, "
            f"{count(int(judged.sum()), 'generation')}, limit {limit:.2f}, "
            f"false-alarm level {alarm:.2g})"
        )
        more = "" if judged.all() else f"; {_left_out(wanted, judged, seeds)}".removesuffix("; ")
        return bool(abs(z[worst]) <= limit), text + more + _warning(rows[judged], wanted, judged)

    @property
    def _level(self) -> float:
        return LEVEL if self.level is None else self.level

    def _limit(self, tests: int, seeds: int) -> tuple[float, float]:
        """The limit in standard errors, and the largest chance that a right program exceeds it."""
        if self.within_se is None:
            return t_limit(self._level / (2 * tests), seeds), self._level
        return self.within_se, min(1.0, 2 * tests * t_tail(self.within_se, seeds))

    def _needed(self, tests: int, seeds: int) -> float:
        """Seeds from which on a test of this level is worth its name.

        Fewer make the limit in standard errors more than twice what many seeds have.
        """
        if self.within_se is not None:
            return 0.0
        tail = self._level / (2 * tests)
        most = 2.0 * t_limit(tail, MOST_SEEDS)
        enough = seeds
        while t_limit(tail, enough) > most:
            enough += 1
        return float(enough)

    def problems(self, run: Prospect) -> list[tuple[str, str]]:
        found = super().problems(run)
        found += beyond(self.generations or (), run.generations, "generations")
        place = "curve" if self.curve else "metric"
        for arm, curves in run.theory.items():
            law = choose(curves, self.metric, self.curve)
            if isinstance(law, str):
                found.append((place, f"{arm}: {law}"))
                continue
            known = law.known(run.generations)
            absent = [g for g in self.generations or () if g not in known and g <= run.generations]
            if absent or not known:
                where = f" at generation {absent[0]}" if absent else ""
                found.append(("generations", f"{arm}: '{law.name}' has no value{where}"))
        return found


def _unknown(expected: Array) -> int:
    return int(np.flatnonzero(~np.isfinite(expected))[0])


def _left_out(wanted: Sequence[int], judged: NDArray[np.bool_], seeds: int) -> str:
    """The generations that are too skewed to judge, in words with a semicolon; '' if none is."""
    places = np.flatnonzero(~judged)
    if not len(places):
        return ""
    named = f"generation {wanted[int(places[0])]}"
    if len(places) > 1:
        named = f"{len(places)} of {len(wanted)} generations, the first {wanted[int(places[0])]},"
    verb = "is" if len(places) == 1 else "are"
    return f"{named} {verb} too skewed to be judged by {seeds} seeds; "


def _warning(rows: Array, every: Sequence[int], judged: NDArray[np.bool_]) -> str:
    """A remark if one seed carries most of the spread: means and their errors then say little."""
    wanted = [every[int(place)] for place in np.flatnonzero(judged)]
    if rows.shape[1] < 20:
        return ""
    shares = [heaviest(row) for row in rows]
    worst = int(np.argmax(shares))
    if shares[worst] <= HEAVY:
        return ""
    return f"; heavy tail: one seed carries {shares[worst]:.0%} of the spread at {wanted[worst]}"


def _listed(generations: Sequence[int] | None) -> str:
    return ", ".join(str(g) for g in generations or ())
