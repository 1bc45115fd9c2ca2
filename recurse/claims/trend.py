"""The common part of ``grows`` and ``plateaus``: a stretch of generations, seen seed by seed."""

from __future__ import annotations

import numpy as np

from recurse.claims import Claim, Finding, Generation, Level, Prospect, Series, Setting, count
from recurse.claims.inference import Array


class Trend(Claim):
    """A claim about the generations from ``after`` to ``until``."""

    after: Generation = 0
    """The first generation of the stretch."""
    until: Generation | None = None
    """The last generation of the stretch; the end of the run by default."""
    level: Level = 0.05
    """The probability outside the interval, half of it on each side."""

    def find(self, series: Series, setting: Setting) -> Finding:
        end = series.last if self.until is None else self.until
        inside = series.generations[series.generations >= self.after]
        wanted = sorted({self.after, end, *(int(g) for g in inside if g <= end)})
        if (defect := series.defect(wanted, self.fewest)) is not None:
            return defect
        if self.after >= end:
            return None, f"no generations lie between {self.after} and the last, {end}"
        holds, evidence = self.over(np.asarray(wanted, float), series.rows(wanted))
        seeds = count(len(series.seeds), "seed")
        return holds, f"{evidence} (generations {self.after} to {end}, {seeds})"

    def over(self, generations: Array, rows: Array) -> Finding:
        """The finding on ``[K]`` generations and their values ``[K, R]``, all finite."""
        raise TypeError(f"{type(self).__name__} cannot be judged")

    def span(self) -> str:
        """The stretch in words."""
        end = "the last" if self.until is None else str(self.until)
        return f"from generation {self.after} to {end}"

    def problems(self, run: Prospect) -> list[tuple[str, str]]:
        found = super().problems(run)
        end = run.generations if self.until is None else self.until
        if end > run.generations:
            found.append(("until", f"generation {end} is beyond the last one, {run.generations}"))
        if self.after >= end:
            found.append(("after", f"no generations lie between {self.after} and the last, {end}"))
        return found
