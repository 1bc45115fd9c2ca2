"""One arm lies above another, seed by seed: paired tests of neighbours in a list of arms."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import NormalDist
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from recurse.claims import (
    Claim,
    Finding,
    Generation,
    Level,
    Prospect,
    Series,
    Verdict,
    count,
    matches,
    named,
    verdict,
)
from recurse.claims.inference import (
    ROUNDING,
    Array,
    mean_error,
    needed_seeds,
    sign_tail,
    standardised,
    t_limit,
    t_tail,
    too_few,
)

_NORMAL = NormalDist()
Entry = Annotated[dict[str, Any], Field(min_length=1)]


class Ordering(Claim):
    """Arms from the highest value of the metric to the lowest.

    Neighbours in the list are compared: within a backend, with all that the list does not name
    equal (so with other axes in the matrix there is a verdict per combination), on the seeds that
    both have. Arms share the real data of a seed, so differences are paired. Each verdict is a
    one-sided test; the claim needs all of them, so within a claim no correction is needed (an
    intersection-union test). But which arms are ordered, and at which generation, is a choice: so
    the orderings of a scenario share the level in equal parts (Bonferroni), and the chance that any
    of them is called true without being so is ``level`` at most. A pair that is shown to lie the
    other way round, by the same test, fails; else the results cannot tell.
    """

    kind: Literal["ordering"] = "ordering"
    arms: Annotated[tuple[Entry, ...], Field(min_length=2)]
    """Highest first; each entry names arms as ``where`` does, for example ``{policy: replace}``."""
    generation: Generation | Literal["last", "mean"] = "last"
    """The generation compared; ``mean``: the average over the generations from ``after``."""
    after: Generation = 1
    """The first generation of the average; generation 0 is the same under every policy."""
    margin: Annotated[float, Field(ge=0)] = 0.0
    """The least difference, in the metric's units."""
    test: Literal["t", "sign"] = "t"
    """``t``: the mean difference; ``sign``: the share of seeds, for heavy tails."""
    level: Level = 0.05
    """The chance that an ordering which is not so is called true, all of a scenario together."""

    def statement(self) -> str:
        arms = " > ".join(_named(entry) for entry in self.arms)
        where = f"at generation {self.generation}"
        if self.generation == "last":
            where = "at the last generation"
        if self.generation == "mean":
            where = f"averaged from generation {self.after} on"
        by = f", by more than {self.margin:g}" if self.margin else ""
        return (
            f"{self.about()} {where}: {arms}{by} (paired {self.test} test at level {self.level:g}, "
            "shared by all orderings)"
        )

    def among(self, family: int) -> Ordering:
        return self.model_copy(update={"level": self.level / family})

    def judge(self, series: Sequence[Series], folder: Path | None = None) -> list[Verdict]:
        if not series:
            return [Verdict("", None, "no arm is selected")]
        found: list[Verdict] = []
        several = len({one.backend for one in series}) > 1
        for high, low in pairwise(self.arms):
            name = f"{_named(high)} > {_named(low)}"
            uppers = [one for one in series if matches(one.data, high)]
            lowers = [one for one in series if matches(one.data, low)]
            pairs = _pairs(uppers, lowers, {*high, *low})
            paired = {id(one) for pair in pairs for one in pair}
            for one in (*uppers, *lowers):
                if id(one) not in paired:
                    text = f"{name}: no other arm differs from it in just what the list names"
                    found.append(verdict(one.arm, one.backend, several, (None, text)))
            if not uppers or not lowers:
                found.append(Verdict(name, None, "no arm is selected for one of the two"))
            for a, b in pairs:
                finding = self._compare(a, b)
                found.append(verdict(f"{a.arm} > {b.arm}", a.backend, several, finding))
        return found

    def _compare(self, high: Series, low: Series) -> Finding:
        common, left, right = np.intersect1d(high.seeds, low.seeds, return_indices=True)
        if len(common) < self.fewest:
            return None, f"{count(len(common), 'seed')} in common; at least 2 are needed"
        wanted = self._wanted(high, low)
        for one in (high, low):
            if (defect := one.defect(wanted, self.fewest)) is not None:
                return defect[0], f"{one.arm}: {defect[1]}"
        a = high.rows(wanted)[:, left].mean(axis=0)
        b = low.rows(wanted)[:, right].mean(axis=0)
        where = f"generation {wanted[0]}"
        if len(wanted) > 1:
            where = f"generations {wanted[0]} to {wanted[-1]}"
        means = f"{a.mean():.4g} against {b.mean():.4g}"
        holds, tested = self._test(a - b - self.margin, np.maximum(np.abs(a), np.abs(b)))
        lost = max(len(high.seeds), len(low.seeds)) - len(common)
        seeds = f"{count(len(common), 'seed')}{f', {lost} without a partner' if lost else ''}"
        return holds, f"{means} at {where}: {tested} ({seeds})"

    def _test(self, differences: Array, size: Array) -> Finding:
        """The one-sided test on ``[R]`` differences; ``size`` is that of what was subtracted."""
        slack = ROUNDING * size
        seeds = len(differences)
        if self.test == "sign":
            rest = np.sign(differences) * np.maximum(np.abs(differences) - slack, 0.0)
            tail, other = sign_tail(rest), sign_tail(-rest)
            positive, untied = int((rest > 0).sum()), int((rest != 0).sum())
            seen = f"above in {positive} of {untied}"
            lead = 2.0 * positive / untied - 1.0 if untied else 0.0
            enough = needed_seeds(seeds, -_NORMAL.inv_cdf(self.level) / seeds**0.5, lead)
        else:
            mean, error = mean_error(differences)
            t = float(standardised(mean, error, np.asarray(slack.max())))
            tail, other = t_tail(t, seeds), t_tail(-t, seeds)
            untied = int(t != 0.0)
            seen = f"difference {float(mean):.4g}, t {t:.2f}"
            enough = needed_seeds(seeds, t_limit(self.level, seeds), t)
        by = f" beyond the margin {self.margin:.4g}" if self.margin else ""
        evidence = f"{seen}{by}, p {tail:.2g}, level {self.level:.3g}"
        if tail <= self.level:
            return True, evidence
        if other <= self.level or not untied:
            return False, evidence
        return None, f"{evidence}; {too_few(seeds, enough)}"

    def _wanted(self, high: Series, low: Series) -> tuple[int, ...]:
        last = min(high.last, low.last)
        if self.generation == "last":
            return (last,)
        if self.generation == "mean":
            return tuple(range(self.after, last + 1))
        return (self.generation,)

    def problems(self, run: Prospect) -> list[tuple[str, str]]:
        found = super().problems(run)
        if isinstance(self.generation, int) and self.generation > run.generations:
            text = f"generation {self.generation} is beyond the last one, {run.generations}"
            found.append(("generation", text))
        if self.generation == "mean" and self.after > run.generations:
            found.append(
                ("after", f"generation {self.after} is beyond the last, {run.generations}")
            )
        for place, entry in enumerate(self.arms):
            if "backend" in entry:
                found.append((f"arms.{place}", "arms are compared within a backend"))
            elif run.arms and not any(matches(data, entry) for data in run.arms):
                found.append((f"arms.{place}", f"no arm has {_named(entry)}"))
        for place, (high, low) in enumerate(pairwise(self.arms)):
            both = [data for data in run.arms if matches(data, high) and matches(data, low)]
            if both:
                text = f"{_named(high)} and {_named(low)} name the same arm"
                found.append((f"arms.{place + 1}", text))
        level = self.among(run.family).level
        if self.test == "sign" and run.seeds is not None and 0.5**run.seeds > level:
            text = f"{run.seeds} seeds cannot reach level {level:.3g} in a sign test"
            found.append(("test", text))
        return found


def _pairs(
    uppers: Sequence[Series], lowers: Sequence[Series], paths: set[str]
) -> list[tuple[Series, Series]]:
    """Arms of one backend that differ in nothing but ``paths``; or the only two of a backend."""
    found: list[tuple[Series, Series]] = []
    for backend in dict.fromkeys(one.backend for one in uppers):
        left = [one for one in uppers if one.backend == backend]
        right = [one for one in lowers if one.backend == backend]
        if len(left) == len(right) == 1:
            found.append((left[0], right[0]))
            continue
        rests = [_without(one.data, paths) for one in right]
        for a in left:
            rest = _without(a.data, paths)
            found.extend((a, b) for b, other in zip(right, rests, strict=True) if rest == other)
    return [(a, b) for a, b in found if a is not b]


def _without(data: Mapping[str, Any], paths: set[str]) -> dict[str, Any]:
    rest = copy.deepcopy(dict(data))
    for path in paths:
        below: Any = rest
        *parents, last = path.split(".")
        for part in parents:
            below = below.get(part) if isinstance(below, dict) else None
        if isinstance(below, dict):
            below.pop(last, None)
    return rest


def _named(entry: Mapping[str, Any]) -> str:
    """``replace`` for a policy alone, else ``path=value`` of each."""
    if set(entry) == {"policy"}:
        return named(entry["policy"])
    return ",".join(f"{path}={named(value)}" for path, value in entry.items())
