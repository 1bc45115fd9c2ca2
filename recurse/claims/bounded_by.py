"""The mean (or a quantile) over seeds stays on one side of a number or of a theory curve."""

from __future__ import annotations

from collections.abc import Callable
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
    ROUNDING,
    Array,
    Interval,
    mean_error,
    needed_seeds,
    proportion_interval,
    quantile_interval,
    t_limit,
    too_few,
    unseen,
)
from recurse.claims.laws import along, choose, finite


class BoundedBy(Claim):
    """A bound, at all or at listed generations.

    A mean of finitely many seeds can lie beyond a bound that holds for the expectation, so by
    default the claim holds unless the data contradict it: unless the whole confidence interval lies
    beyond the bound at some generation. The level is then divided by the number of generations and
    arms (Bonferroni). With ``proof: true`` the claim holds only if the whole interval lies on the
    claimed side at every generation, which needs no division (an intersection-union test); if the
    interval lies beyond the bound at one generation, the claim fails, else the results cannot tell.
    The evidence names the most critical generation, its limits, and whether the bound is proven,
    not contradicted or contradicted there.

    Limits: t for the mean; Clopper and Pearson's for the mean of a metric of zeros and ones; order
    statistics for a quantile. Seeds that are all equal have no spread to judge by: a share of them
    that went unseen (``1 - level^(1/seeds)`` at most) is then taken to lie anywhere between the
    least and the largest value of the whole run, and the evidence says so.
    """

    fewest: ClassVar[int] = 5
    kind: Literal["bounded_by"] = "bounded_by"
    value: float | None = None
    """The bound."""
    curve: str = ""
    """In place of ``value``: the name of a theory curve, or a part of it."""
    side: Literal["at_most", "at_least"] = "at_most"
    """The side of the bound on which the metric stays."""
    generations: Annotated[tuple[Generation, ...], Field(min_length=1)] | None = None
    """The generations looked at; all by default."""
    quantile: Annotated[float, Field(gt=0, lt=1)] | None = None
    """A quantile over seeds in place of the mean; 0.5 is the median."""
    level: Level = 1e-3
    """One-sided: how often a true bound is called contradicted, or a wrong one proven."""
    proof: bool = False
    """Hold only if the confidence limit itself is on the claimed side."""

    @model_validator(mode="after")
    def _one_bound(self) -> BoundedBy:
        if (self.value is None) == (not self.curve):
            raise ValueError("give either 'value' or 'curve'")
        return self

    def statement(self) -> str:
        bound = f"{self.value:g}" if self.value is not None else f"'{self.curve}'"
        side = self.side.replace("_", " ")
        where = "at every generation"
        if self.generations:
            where = f"at generations {', '.join(str(g) for g in self.generations)}"
        how = "proven" if self.proof else "unless the data contradict it"
        return (
            f"the {self._statistic()} of {self.about()} is {side} {bound} {where} "
            f"({how} at level {self.level:g})"
        )

    def find(self, series: Series, setting: Setting) -> Finding:
        bound = self._bound(series)
        if isinstance(bound, str):
            return None, bound
        wanted, limits = bound
        if (defect := series.defect(wanted, self.fewest)) is not None:
            return defect
        if not np.isfinite(limits).all():
            return None, f"'{self.curve}' has no value at some of the generations"
        tests = 1 if self.proof else len(wanted) * setting.series
        interval = self._intervals(series, self.level / tests)
        found = [interval(row) for row in series.rows(wanted)]
        sign = 1.0 if self.side == "at_most" else -1.0
        near = np.array([i.low if sign > 0 else i.high for i in found])
        far = np.array([i.high if sign > 0 else i.low for i in found])
        # The limit that decides, measured past the bound; positive fails.
        past = sign * ((far if self.proof else near) - limits) - ROUNDING * np.abs(limits)
        worst = int(np.argmax(past))
        holds: bool | None = bool(past.max() <= 0)
        if holds and not self.proof:
            worst = int(np.argmax(sign * (np.array([i.estimate for i in found]) - limits)))
        place = wanted[worst]
        seen = f"{count(len(series.seeds), 'seed')}, {count(len(wanted), 'generation')}"
        if np.ptp(series.rows((place,))) == 0.0 and self.quantile is None:
            share = unseen(len(series.seeds), self.level / tests)
            seen += f", all equal there: at most a share {share:.2g} of others is not"
        evidence = f"{self._evidence(found[worst], float(limits[worst]), place)} ({seen})"
        over = sign * (near - limits) - ROUNDING * np.abs(limits)
        if holds or not self.proof or over.max() > 0:
            return holds, evidence
        spread = sign * (far[worst] - found[worst].estimate)
        room = sign * (limits[worst] - found[worst].estimate)
        seeds = len(series.seeds)
        return None, f"{evidence}; {too_few(seeds, needed_seeds(seeds, spread, room))}"

    def _bound(self, series: Series) -> tuple[tuple[int, ...], Array] | str:
        """Generations and the bound at each, ``[K]``; or why there is none."""
        if self.value is not None:
            wanted = self.generations or tuple(int(g) for g in series.generations)
            return wanted, np.full(len(wanted), self.value)
        law = choose(series.theory, self.metric, self.curve)
        if isinstance(law, str):
            return law
        wanted = self.generations or finite(law, series.last)
        return wanted, along(law, wanted)

    def _statistic(self) -> str:
        if self.quantile is None:
            return "mean"
        return "median" if self.quantile == 0.5 else f"{self.quantile:g} quantile"

    def _intervals(self, series: Series, tail: float) -> Callable[[Array], Interval]:
        """The rule that turns a row of values ``[R]`` into an interval, one for a whole series."""
        if (quantile := self.quantile) is not None:
            return lambda row: quantile_interval(row, quantile, tail)
        known = series.values[np.isfinite(series.values)]
        if np.isin(known, (0.0, 1.0)).all():
            return lambda row: proportion_interval(row, tail)
        least, most = float(known.min()), float(known.max())
        share = unseen(series.values.shape[1], tail)

        def around(row: Array) -> Interval:
            if np.ptp(row) == 0.0:
                at = float(row[0])
                return Interval(at, at - share * (at - least), at + share * (most - at))
            mean, error = mean_error(row)
            reach = t_limit(tail, len(row)) * float(error)
            return Interval(float(mean), float(mean) - reach, float(mean) + reach)

        return around

    def _evidence(self, at: Interval, bound: float, generation: int) -> str:
        sign = 1.0 if self.side == "at_most" else -1.0
        near, far = sorted((sign * at.low, sign * at.high))
        slack = ROUNDING * abs(bound)
        state = "not contradicted"
        if far <= sign * bound + slack:
            state = "proven"
        elif near > sign * bound + slack:
            state = "contradicted"
        return (
            f"{self._statistic()} {at.estimate:.4g} at generation {generation}, bound {bound:.4g}, "
            f"one-sided limits {at.low:.4g} and {at.high:.4g} at level {self.level:g}: {state}"
        )

    def problems(self, run: Prospect) -> list[tuple[str, str]]:
        found = super().problems(run)
        found += beyond(self.generations or (), run.generations, "generations")
        for arm, curves in run.theory.items() if self.curve else ():
            law = choose(curves, self.metric, self.curve)
            if isinstance(law, str):
                found.append(("curve", f"{arm}: {law}"))
            elif absent := set(self.generations or ()) - set(law.known(run.generations)):
                text = f"{arm}: '{law.name}' has no value at generation {min(absent)}"
                found.append(("generations", text))
        tests = len(self.generations or range(run.generations + 1)) * max(
            len(run.arms), len(run.theory), 1
        )
        return found + self._too_few(run.seeds, 1 if self.proof else tests)

    def _too_few(self, seeds: int | None, tests: int) -> list[tuple[str, str]]:
        """A quantile needs seeds beyond it: without them no data could decide the claim."""
        if self.quantile is None or seeds is None or seeds < self.fewest:
            return []
        upper = (self.side == "at_most") == self.proof
        extreme = self.quantile**seeds if upper else (1.0 - self.quantile) ** seeds
        if extreme <= self.level / tests:
            return []
        text = f"{seeds} seeds cannot decide the {self._statistic()} at level {self.level:g}"
        return [("quantile", text)]
