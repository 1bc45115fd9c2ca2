"""A scenario as sections see it: its arms, metrics and numbers, read from the store once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import numpy.typing as npt

from recurse.numerics import student
from recurse.spec import kinds
from recurse_reports.naming import short

if TYPE_CHECKING:
    from recurse.store import Store
    from recurse.store.records import Curves

EQUAL = 1e-6
"""Relative difference up to which two backends count as giving the same numbers."""


@dataclass(frozen=True)
class Measure:
    """A metric in words. ``absolute``: changes are differences, since ratios mean nothing."""

    kind: str
    noun: str
    label: str
    unit: str
    worse: Literal["up", "down"]
    quality: bool
    """True for a metric of quality; the others are diagnostics, such as a training loss."""

    @property
    def absolute(self) -> bool:
        """True if changes are differences: log-likelihoods have no natural zero."""
        return self.unit == "nats"


@dataclass(frozen=True)
class TheoryLine:
    """A curve of theory: ``generations [K]``, ``values [K]``."""

    arm: str
    kind: str
    name: str
    cite: str
    generations: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]

    def at(self, generation: int) -> float:
        """Its value at a generation, NaN where it has none."""
        place = np.flatnonzero(self.generations == generation)
        return float(self.values[place[0]]) if len(place) else float("nan")


@dataclass(frozen=True)
class Agreement:
    """The differences between backends.

    ``relative`` is the largest difference seed by seed; ``chance`` the probability of a difference
    of means as large as the largest one, over all comparisons (Welch's t, Bonferroni).
    """

    relative: float
    chance: float

    @property
    def equal(self) -> bool:
        """The same numbers, up to rounding."""
        return self.relative <= EQUAL

    @property
    def alike(self) -> bool:
        """No difference beyond the noise of the seeds."""
        return self.equal or self.chance >= 0.01


class _Remembered:
    """A store that remembers its answers, since sections ask for the same tables."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if callable(found):
            found = cache(found)
            self.__dict__[name] = found
        return found


class Subject:
    """One scenario of a store."""

    def __init__(self, store: Store, name: str) -> None:
        self.store = cast("Store", _Remembered(store))
        self.name = name
        self.record: dict[str, Any] = store.scenario(name)

    @cached_property
    def places(self) -> tuple[tuple[str, str], ...]:
        """(arm, backend) in the order of the plan."""
        return tuple(self.arrays(""))

    @cached_property
    def arms(self) -> tuple[str, ...]:
        """Labels of the arms in the order of the plan."""
        return tuple(dict.fromkeys(arm for arm, _ in self.places))

    @cached_property
    def backends(self) -> tuple[str, ...]:
        """Backends in the order of the plan."""
        return tuple(dict.fromkeys(backend for _, backend in self.places))

    @cached_property
    def axes(self) -> Mapping[str, Mapping[str, str]]:
        """Arm -> the values of the matrix that make it, by dotted path."""
        return {arm: plain(self._arm_rows[arm]["axes"]) for arm in self.arms}

    @cached_property
    def words(self) -> Mapping[str, str]:
        """Arm -> its short name: the values that set it apart."""
        return short(self.axes, {arm: self._arm_rows[arm]["policy"] for arm in self.arms})

    @cached_property
    def _arm_rows(self) -> Mapping[str, Mapping[str, Any]]:
        frame = self.store.cells(self.name).unique("arm")
        return {row["arm"]: row for row in frame.to_dicts()}

    @cached_property
    def measures(self) -> tuple[Measure, ...]:
        """The metrics that have values, in the order of the spec."""
        found = set(self.store.summary(self.name)["metric"].unique())
        listed = self.record["spec"].get("metrics") or ()
        order = [m.get("kind") if isinstance(m, dict) else m for m in listed]
        names = [name for name in dict.fromkeys(map(str, order)) if name in found]
        return tuple(measure(name) for name in (*names, *sorted(found - set(names))))

    def arrays(self, metric: str) -> dict[tuple[str, str], Curves]:
        """A metric by (arm, backend): ``values [G+1, R]``."""
        return self.store.arrays(self.name, metric)

    def theory(self, metric: str) -> tuple[TheoryLine, ...]:
        """The curves of theory about a metric, one of each group that coincides within 0.1 %."""
        frame = self.store.theory(self.name)
        frame = frame.filter(frame["metric"] == metric)
        groups: dict[tuple[str, str, str, str], list[tuple[int, float]]] = {}
        for row in frame.to_dicts():
            key = (row["arm"], row["kind"], row["name"] or "", row["cite"] or "")
            groups.setdefault(key, []).append((row["generation"], row["value"]))
        lines: list[TheoryLine] = []
        for (arm, kind, name, cite), points in groups.items():
            generations, values = zip(*points, strict=True)
            line = TheoryLine(arm, kind, name, cite, np.array(generations), np.array(values, float))
            if not any(_coincide(line, other) for other in lines):
                lines.append(line)
        return tuple(line for line in lines if arm_known(line, self.arms))

    def agreement(self, metric: str) -> Agreement | None:
        """The differences of the other backends from the first; None with nothing to compare."""
        relative, chances = 0.0, [1.0]
        compared = False
        arrays = self.arrays(metric)
        for arm in self.arms:
            here = [arrays[arm, b] for b in self.backends if (arm, b) in arrays]
            for other in here[1:]:
                found = _compare(here[0], other)
                if found is not None:
                    compared = True
                    relative = max(relative, found[0])
                    chances.extend(found[1])
        chance = min(1.0, min(chances) * max(len(chances) - 1, 1))
        return Agreement(relative, chance) if compared else None


def plain(text: str | None) -> dict[str, Any]:
    """A JSON column as plain data; an empty one, or one that holds no mapping, has no entries."""
    found = json.loads(text or "{}")
    # A text column that is inserted as JSON arrives as a JSON string.
    found = json.loads(found) if isinstance(found, str) else found
    return found if isinstance(found, dict) else {}


def arm_known(line: TheoryLine, arms: tuple[str, ...]) -> bool:
    """True if the line is about an arm of the scenario."""
    return line.arm in arms


def measure(name: str) -> Measure:
    """A metric's words, from its kind; those of an unknown kind from its name."""
    kind = kinds("metric").get(name)
    label = str(getattr(kind, "label", "")) or name.replace("_", " ")
    noun, _, rest = label.partition(" (")
    unit = rest.rstrip(")") if rest.rstrip(")") == "nats" else ""
    worse: Literal["up", "down"] = "down" if getattr(kind, "worse", "up") == "down" else "up"
    return Measure(name, noun, label, unit, worse, kind is not None)


def _coincide(one: TheoryLine, other: TheoryLine) -> bool:
    if (one.arm, one.kind) != (other.arm, other.kind):
        return False
    if not np.array_equal(one.generations, other.generations):
        return False
    return bool(np.allclose(one.values, other.values, rtol=1e-3, atol=0))


def _compare(one: Curves, other: Curves) -> tuple[float, list[float]] | None:
    """Largest relative difference seed by seed, and the p-value of the means by generation."""
    _, here, there = np.intersect1d(one.seeds, other.seeds, return_indices=True)
    depth = min(len(one.values), len(other.values))
    a, b = one.values[:depth, here], other.values[:depth, there]
    both = np.isfinite(a) & np.isfinite(b)
    if not both.any():
        return None
    gap = np.abs(a[both] - b[both]) / np.maximum(np.abs(a[both]), np.abs(b[both])).clip(1e-300)
    chances = [_chance(a[g, both[g]], b[g, both[g]]) for g in np.flatnonzero(both.sum(axis=1) > 1)]
    return float(gap.max()), chances


def _chance(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> float:
    """Two-sided p-value of equal means for equal counts (Welch)."""
    a, b = x.var(ddof=1) / len(x), y.var(ddof=1) / len(y)
    if a + b <= 0:
        return 1.0 if x.mean() == y.mean() else 0.0
    freedom = (a + b) ** 2 / ((a**2 + b**2) / (len(x) - 1))
    return 2 * student.tail(abs(x.mean() - y.mean()) / np.sqrt(a + b), freedom)
