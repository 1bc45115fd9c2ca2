"""A metric of one arm over the generations, as definitions look at it, and measures of its change.

Changes are relative to generation 0, the model that saw real data only. A mean over the seeds is
compared as a ratio of means (Fieller), paired by seed; log-likelihoods have no zero of their own,
and their difference is the logarithm of a ratio already (of perplexities).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from recurse.claims.inference import (
    Array,
    Interval,
    heaviest,
    ratio_interval,
    sign_tail,
    t_interval,
)

Answer = Literal["yes", "no", "cannot tell"]
ROUNDING = 1e-9
"""The relative change that rounding alone may cause."""
FEWEST = 3
"""Seeds below which nothing is judged."""
HEAVY = 0.5
"""The share of the spread that one seed may carry; above it normal theory says nothing."""
MANY = 20
"""Seeds from which on that share means anything; with a handful one always carries most."""

RARE = 0.1
"""The share of models that may change unseen where no seed has."""


@dataclass(frozen=True)
class Finding:
    """An answer, the evidence in words, and the figure with its interval (NaN where none)."""

    answer: Answer
    evidence: str
    figure: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")


@dataclass(frozen=True, eq=False)
class Trace:
    """One metric of one arm on one backend."""

    arm: str
    backend: str
    metric: str
    generations: NDArray[np.int64]
    """``[K]``, 0 first."""
    seeds: NDArray[np.int64]
    """``[R]``."""
    values: Array
    """``[K, R]``, NaN where not measured."""
    speaks: frozenset[int] = frozenset()
    worse: Literal["up", "down"] = "up"
    log: bool = False
    """True if differences are logarithms of ratios."""
    size: float | None = None
    """The number of samples of the arm, if it varies in the matrix."""
    group: str = ""
    """A key shared by all arms that differ in the number of samples alone."""

    @property
    def measured(self) -> bool:
        """True if there is a number at all."""
        return not bool(np.isnan(self.values).all())

    @property
    def last(self) -> int:
        """The last generation."""
        return int(self.generations[-1])

    def whole(self) -> Trace:
        """The seeds that reached the last generation measured, and generations all of them have."""
        present = ~np.isnan(self.values)
        reached = np.flatnonzero((present & present[:1]).any(axis=1))
        if not len(reached):
            return replace(self, values=self.values[:1, :0], seeds=self.seeds[:0])
        seeds = present[0] & present[reached[-1]]
        rows = np.asarray(present[:, seeds].all(axis=1))
        return replace(
            self,
            generations=self.generations[: len(rows)][rows],
            seeds=self.seeds[seeds],
            values=self.values[rows][:, seeds],
        )

    def defect(self) -> Finding | None:
        """The reason why no part of the trace can be judged, or None."""
        if len(self.seeds) < FEWEST:
            return Finding("cannot tell", f"{len(self.seeds)} seeds, at least {FEWEST} are needed")
        if len(self.generations) < 2:
            return Finding("cannot tell", "nothing is measured beyond generation 0")
        return None

    @property
    def finite(self) -> NDArray[np.bool_]:
        """``[K]``: True where all seeds are finite."""
        return np.asarray(np.isfinite(self.values).all(axis=1))

    def place(self, generation: float) -> int:
        """The row of the last generation measured up to this one."""
        return int(np.flatnonzero(self.generations <= generation)[-1])

    def landmarks(self) -> list[int]:
        """Rows at generations 1, 2, 4, 8, ... and the last one."""
        wanted = [2**k for k in range(self.last.bit_length())]
        rows = {self.place(g) for g in wanted} | {len(self.generations) - 1}
        return sorted(rows - {0})


def lost(trace: Trace, rows: Sequence[int], tail: float) -> Finding | None:
    """The answer of infinite risks about a rise at one of some rows; None if all are finite there.

    Models of real data may have infinite risk as often, though by chance in none of the seeds. So a
    seed whose risk turned infinite after generation 0 speaks for a rise, and a seed whose risk
    turned finite against a rise: a sign test of pairs (McNemar), ``tail`` shared by the rows.
    """
    if trace.finite[[0, *rows]].all():
        return None
    bad = trace.values == (np.inf if trace.worse == "up" else -np.inf)
    more = bad.astype(float) - bad[0]
    row = min(rows, key=lambda row: sign_tail(more[row]))
    text = (
        f"infinite for {bad[row].sum()} of {len(trace.seeds)} seeds at generation "
        f"{trace.generations[row]}, for {bad[0].sum()} at generation 0"
    )
    if sign_tail(more[row]) <= tail / len(rows):
        return Finding("yes", text)
    why = "nothing to compare with" if bad[0].any() else "too few to show a rise"
    return Finding("cannot tell", f"{text}: {why}")


def risk_ratios(trace: Trace, rows: Sequence[int], level: float) -> list[tuple[Interval, int]]:
    """The ratio to generation 0 at every row where both are finite, with the row."""
    finite = trace.finite
    return [(risk_ratio(trace, row, 0, level), row) for row in rows if finite[0] and finite[row]]


def risk_ratio(trace: Trace, row: int, base: int, level: float) -> Interval:
    """The ratio of the risk of one row to that of another; above 1 is worse."""
    now, before = trace.values[row], trace.values[base]
    if trace.log:
        shift = t_interval(now - before if trace.worse == "up" else before - now, level)
        with np.errstate(over="ignore"):
            return Interval(*(float(np.exp(value)) for value in shift))
    above, below = (now, before) if trace.worse == "up" else (before, now)
    return ratio_interval(above, below, level)


def uneven(values: Array) -> str:
    """The reason why the mean of ``[R]`` has no trustworthy interval, or ''."""
    share = heaviest(values) if len(values) >= MANY else 0.0
    return f"one seed carries {share:.0%} of the spread" if share > HEAVY else ""


def times(trace: Trace, at: Interval, row: int, level: float) -> str:
    """``12 times at generation 8, interval 11 to 13 at level 0.001``."""
    what = "times the perplexity" if trace.log else "times"
    return f"{at.estimate:.3g} {what} at generation {trace.generations[row]}, {limits(at, level)}"


def constant(changes: Array, level: float) -> bool:
    """True if no seed of ``[R]`` changes, and there are too few to show that hardly any does.

    Their interval has no width. Of R seeds none of which has changed, a share up to
    ``1 - level^(1/R)`` of all may change.
    """
    return not changes.any() and bool(1.0 - level ** (1.0 / len(changes)) > RARE)


def limits(at: Interval, level: float) -> str:
    """``interval 1.2 to 1.4 at level 0.001``."""
    return f"interval {at.low:.3g} to {at.high:.3g} at level {level:.2g}"
