"""The mean (or median) over seeds follows a published curve, read from a CSV file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from recurse.claims import Claim, Finding, Generation, Prospect, Series, Setting, beyond, count
from recurse.claims.inference import Array, mean_error, quantile_interval, rounding
from recurse.claims.published import curve, locate
from recurse.spec import Spec

ONE_SIGMA = 0.15865525393145707
"""The share of a normal law beyond one standard deviation on one side."""


class Rows(Spec):
    """The rows of the file to use, by column; a column that is not given may hold anything."""

    experiment: str | None = None
    policy: str | None = None
    model: str | None = None
    n_per_iter: str | int | float | None = None
    metric: str | None = None


class MatchesCurve(Claim):
    """Published numbers, at listed generations or wherever the curve has one.

    A generation passes if ``|statistic - published|`` is at most ``rtol |published|`` plus
    ``within_se`` standard errors; at least one of the two is given. A published mean over K seeds
    has an error of its own: with ``reference_seeds: K`` the standard error is that of the
    difference, ``s sqrt(1/R + 1/K)``, both studies assumed to have our spread ``s``. The error of a
    median is half the width of its 68 % interval between order statistics.
    """

    outside: ClassVar[bool] = True
    fewest: ClassVar[int] = 5
    kind: Literal["matches_curve"] = "matches_curve"
    file: Annotated[str, Field(min_length=1)]
    """A CSV file beside the spec or among the shipped specs; columns experiment, policy, model,
    n_per_iter, iteration (from 1, our generation 0), metric, value."""
    select: Rows = Field(default_factory=Rows)
    """Column -> value; ``metric`` and ``policy`` are those of the claim and the arm by default."""
    statistic: Literal["mean", "median"] = "mean"
    """The average that the paper took."""
    generations: Annotated[tuple[Generation, ...], Field(min_length=1)] | None = None
    """The generations compared; by default all at which both have a value."""
    rtol: Annotated[float, Field(gt=0)] | None = None
    """Tolerance relative to the published value."""
    within_se: Annotated[float, Field(gt=0)] | None = None
    """Tolerance in standard errors over seeds."""
    reference_seeds: Annotated[int, Field(ge=1)] | None = None
    """The number of seeds that the published curve averages; exact numbers by default."""

    @model_validator(mode="after")
    def _some_tolerance(self) -> MatchesCurve:
        if self.rtol is None and self.within_se is None:
            raise ValueError("give 'rtol', 'within_se' or both")
        return self

    def statement(self) -> str:
        where = "wherever it has a value"
        if self.generations:
            where = f"at generations {', '.join(str(g) for g in self.generations)}"
        return (
            f"the {self.statistic} of {self.about()} follows the published curve "
            f"({self.file}) within {self._tolerance()} {where}"
        )

    def find(self, series: Series, setting: Setting) -> Finding:
        try:
            published = self._published(series.policy, setting.folder)
        except (OSError, ValueError) as problem:
            return None, str(problem)
        wanted = self.generations or tuple(g for g in published if g <= series.last)
        if absent := [g for g in wanted if g not in published]:
            return None, f"nothing is published for generation {absent[0]}"
        if (defect := series.defect(wanted, self.fewest)) is not None:
            return defect
        expected, rows = np.array([published[g] for g in wanted]), series.rows(wanted)
        middle, error = self._estimate(rows)
        allowed = rounding(rows, expected) + (self.rtol or 0.0) * np.abs(expected)
        allowed += (self.within_se or 0.0) * error
        shift = np.abs(middle - expected)
        worst = int(np.argmax(shift / np.maximum(allowed, np.finfo(float).tiny)))
        seen = f"{count(len(series.seeds), 'seed')}, {count(len(wanted), 'generation')}"
        return bool((shift <= allowed).all()), (
            f"nearest to its tolerance or furthest beyond at generation {wanted[worst]}: "
            f"{self.statistic} {middle[worst]:.4g}, standard error {error[worst]:.2g}, published "
            f"{expected[worst]:.4g}, off by {shift[worst]:.2g} of {allowed[worst]:.2g} allowed "
            f"({seen}, tolerance {self._tolerance()})"
        )

    def _estimate(self, rows: Array) -> tuple[Array, Array]:
        """The statistic and its standard error, that of a published average included; ``[K]``."""
        if self.statistic == "mean":
            middle, error = mean_error(rows)
        else:
            found = [quantile_interval(row, 0.5, ONE_SIGMA) for row in rows]
            middle = np.array([interval.estimate for interval in found])
            error = np.array([(interval.high - interval.low) / 2 for interval in found])
        if self.reference_seeds is not None:
            error = error * np.sqrt(1.0 + rows.shape[1] / self.reference_seeds)
        return middle, error

    def _published(self, policy: str, folder: Path | None) -> dict[int, float]:
        path = locate(self.file, folder)
        if path is None:
            raise ValueError(f"there is no file '{self.file}'")
        chosen = self.select.model_dump(exclude_none=True)
        return curve(path, {"metric": self.metric, "policy": policy, **chosen})

    def _tolerance(self) -> str:
        parts = [f"{self.rtol:.3g} of it"] if self.rtol else []
        parts += [f"{self.within_se:g} standard errors"] if self.within_se else []
        return " plus ".join(parts)

    def problems(self, run: Prospect) -> list[tuple[str, str]]:
        found = super().problems(run)
        found += beyond(self.generations or (), run.generations, "generations")
        if locate(self.file, run.folder) is None:
            return [*found, ("file", f"there is no file '{self.file}'")]
        policies = {str(data["policy"]["kind"]) for data in run.arms if "policy" in data}
        if self.select.policy is not None:
            policies = {self.select.policy}
        for policy in sorted(policies):
            try:
                published = self._published(policy, run.folder)
            except (OSError, ValueError) as problem:
                found.append(("select", str(problem)))
                continue
            if absent := [g for g in self.generations or () if g not in published]:
                text = f"nothing is published for generation {absent[0]} of {policy}"
                found.append(("generations", text))
            if min(published) > run.generations:
                found.append(("select", f"the curve of {policy} starts after the last generation"))
        return found
