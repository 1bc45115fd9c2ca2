"""The mean over seeds follows the law: at every generation within some standard errors of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
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
    Array,
    exact_shares,
    heaviest,
    mean_error,
    rounding,
    standardised,
    t_limit,
    t_tail,
)
from recurse.claims.laws import along, choose, finite

HEAVY = 0.5


class MatchesTheory(Claim):
    """The mean over seeds against the expected value.

    Holds unless a generation lies outside the limit. The evidence gives the largest deviation and
    the chance, at most, that a right program fails at any of the generations (Bonferroni over
    generations and arms, t with one degree of freedom less than seeds). Shares of events (a metric
    that is 0 or 1) are judged by the binomial law, at the same level.

    A law gives an expectation. Where rare seeds carry it (an unbiased Gaussian under ``replace``
    beyond generation ~2n: Alemohammad et al. 2307.01850, App. A) the mean of any number of seeds
    that can be run is below it: list ``generations`` before that. The evidence says so where one
    seed alone carries more than half of the spread.
    """

    fewest: ClassVar[int] = 5
    kind: Literal["matches_theory"] = "matches_theory"
    generations: Annotated[tuple[Generation, ...], Field(min_length=1)] | None = None
    """Where; every generation for which the law has a value by default."""
    within_se: Annotated[float, Field(gt=0)] | None = None
    """The limit in standard errors at each generation; 4 unless ``level`` is given."""
    level: Level | None = None
    """In place of ``within_se``: how often a right program may fail, all generations and arms
    together."""
    rtol: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """How far off the curve itself may be, relatively; for laws of large n."""
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
        limit = f"within {self.within_se or 4:g} standard errors"
        if self.level is not None:
            limit = f"at family-wise level {self.level:g}"
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
        z = standardised(mean - expected, error, slack)
        if ((rows == 0.0) | (rows == 1.0)).all():
            z = exact_shares(rows, expected, slack)
        worst = int(np.argmax(np.abs(z)))
        limit, alarm = self._limit(len(wanted) * setting.series, len(series.seeds))
        text = (
            f"max |z| {abs(z[worst]):.2f} at generation {wanted[worst]} "
            f"(mean {mean[worst]:.4g}, law {expected[worst]:.4g}; {len(series.seeds)} seeds, "
            f"{count(len(wanted), 'generation')}, limit {limit:.2f}, false-alarm level {alarm:.2g})"
        )
        return bool(abs(z[worst]) <= limit), text + _warning(rows, wanted)

    def _limit(self, tests: int, seeds: int) -> tuple[float, float]:
        """Standard errors, and the most that a right program's chance to exceed them can be."""
        if self.level is not None:
            return t_limit(self.level / (2 * tests), seeds), self.level
        limit = self.within_se or 4.0
        return limit, min(1.0, 2 * tests * t_tail(limit, seeds))

    def problems(self, run: Prospect) -> list[tuple[str, str]]:
        found = super().problems(run)
        found += beyond(self.generations or (), run.generations, "generations")
        place = "curve" if self.curve else "metric"
        for arm, curves in run.theory.items():
            law = choose(curves, self.metric, self.curve)
            if isinstance(law, str):
                found.append((place, f"{arm}: {law}"))
                continue
            known = finite(law, run.generations)
            absent = [g for g in self.generations or () if g not in known and g <= run.generations]
            if absent or not known:
                where = f" at generation {absent[0]}" if absent else ""
                found.append(("generations", f"{arm}: '{law.name}' has no value{where}"))
        return found


def _unknown(expected: Array) -> int:
    return int(np.flatnonzero(~np.isfinite(expected))[0])


def _warning(rows: Array, wanted: Sequence[int]) -> str:
    """Where one seed carries most of the spread, means and their errors say little."""
    if rows.shape[1] < 20:
        return ""
    shares = [heaviest(row) for row in rows]
    worst = int(np.argmax(shares))
    if shares[worst] <= HEAVY:
        return ""
    return f"; heavy tail: one seed carries {shares[worst]:.0%} of the spread at {wanted[worst]}"


def _listed(generations: Sequence[int] | None) -> str:
    return ", ".join(str(g) for g in generations or ())
