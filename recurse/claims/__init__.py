"""Claims: statements about the results that every run checks. One file per kind.

A claim is judged once per selected arm and backend (``ordering``: once per pair), on all seeds that
have results. A scenario's claim holds if all its verdicts do; so kinds whose verdict is a proof
(``grows``, ``plateaus``, ``ordering``) need no correction for many arms, and kinds that hold unless
the data contradict them (``matches_theory``, ``bounded_by``) divide their level by the number of
arms and generations that are looked at (Bonferroni). Orderings of one spec, of which there are as
many to choose from as pairs of arms, share their level. With ``within_se`` in place of a level
``matches_theory`` allows that number of standard errors, and the evidence states how often a right
program would exceed it somewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recurse.spec import Kind, number_text
from recurse.theory.law import Curve

Generation = Annotated[int, Field(ge=0)]
Level = Annotated[float, Field(ge=1e-100, lt=0.5)]
"""SciPy's t quantiles are wrong below 1e-150, and many tests share a level."""
Theory = Mapping[str, tuple[Curve, ...]]
Finding = tuple[bool | None, str]
"""True if the claim holds (None: the results cannot tell), and the evidence."""


@dataclass(frozen=True, eq=False)
class Series:
    """One metric of one arm, as a claim is judged on it."""

    arm: str
    policy: str
    backend: str
    metric: str
    generations: NDArray[np.int64]
    """``[G + 1]``, 0 first."""
    seeds: NDArray[np.int64]
    """``[R]``; seeds whose cell failed are absent."""
    values: NDArray[np.float64]
    """``[G + 1, R]``, NaN where not measured."""
    theory: tuple[Curve, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    """The arm as plain data, for ``where``."""

    @property
    def last(self) -> int:
        """The last generation."""
        return int(self.generations[-1]) if len(self.generations) else -1

    def rows(self, wanted: Sequence[int]) -> NDArray[np.float64]:
        """The values at some generations, ``[K, R]``; all exist if `defect` finds nothing."""
        place = {int(g): i for i, g in enumerate(self.generations)}
        return self.values[[place[g] for g in wanted]]

    def defect(self, wanted: Sequence[int], fewest: int = 2) -> Finding | None:
        """The reason why the values at some generations cannot be judged, or None."""
        if len(self.seeds) < fewest:
            return None, f"{count(len(self.seeds), 'seed')}; at least {fewest} are needed"
        have = set(self.generations.tolist())
        if absent := [g for g in wanted if g not in have]:
            return None, f"generation {absent[0]} has no results"
        if not wanted:
            return None, "there is no generation to judge"
        for generation, row in zip(wanted, self.rows(wanted), strict=True):
            if bad := int((~np.isfinite(row)).sum()):
                text = f"not finite for {bad} of {len(row)} seeds at generation {generation}"
                return False, text
        return None


@dataclass(frozen=True)
class Verdict:
    """The outcome of a claim for an arm (or a pair of arms), and the figures behind it."""

    arm: str
    holds: bool | None
    """None where the results cannot tell, which is not enough for a claim to hold."""
    evidence: str
    """One sentence; it opens with the backend if the claim is about several."""
    backend: str = ""


@dataclass(frozen=True)
class Setting:
    """The setting of one verdict beside its series."""

    series: int = 1
    """The number of series that the claim is judged on, for levels that hold for all together."""
    folder: Path | None = None
    """The folder that relative file names start from."""


@dataclass(frozen=True)
class Prospect:
    """The facts about a run that are known before it starts."""

    generations: int
    """The last generation of the shortest of the selected arms."""
    theory: Theory
    """Arm label -> the curves of the claim's metric."""
    folder: Path | None = None
    """The folder that relative file names start from; the spec file's."""
    seeds: int | None = None
    """The number of seeds of the scenario, if known."""
    arms: Sequence[Mapping[str, Any]] = ()
    """The selected arms as plain data, if known."""
    family: int = 1
    """The number of claims of this kind that the scenario makes."""


class Claim(Kind):
    """A statement with a stated tolerance or level."""

    statistical: ClassVar[bool] = True
    outside: ClassVar[bool] = False
    """True if a verdict depends on a file beside the spec, which may change between two runs."""
    fewest: ClassVar[int] = 2
    """The least number of seeds that it can be judged on."""
    metric: str
    """The metric that the claim is about."""
    where: dict[str, Any] = Field(default_factory=dict)
    """The arms: dotted path -> value; a string stands for a ``kind``. All arms by default."""
    note: str = ""
    """The statement of the paper, in a sentence; shown in the report."""

    def statement(self) -> str:
        """The claim in words."""
        raise TypeError(f"{type(self).__name__} states nothing")

    def judge(self, series: Sequence[Series], folder: Path | None = None) -> list[Verdict]:
        """A verdict per arm (or pair) on the series that ``where`` selects.

        Args:
            series: one per arm and backend, of this claim's metric.
            folder: the folder that relative file names start from; the spec file's.
        """
        if not series:
            return [Verdict("", None, "no arm is selected")]
        setting = Setting(len(series), folder)
        several = len({one.backend for one in series}) > 1
        found = [(one, self.find(one, setting)) for one in series]
        return [verdict(one.arm, one.backend, several, finding) for one, finding in found]

    def among(self, family: int) -> Claim:
        """The claim as it is judged where the scenario makes ``family`` claims of its kind."""
        return self

    def find(self, series: Series, setting: Setting) -> Finding:
        """The finding for one arm on one backend: True if the claim holds, and the evidence."""
        raise TypeError(f"{type(self).__name__} cannot be judged")

    def problems(self, run: Prospect) -> list[tuple[str, str]]:
        """The reasons why the claim cannot be judged: (path below the claim, message)."""
        if run.seeds is not None and run.seeds < self.fewest:
            return [("kind", f"'{self.kind}' needs at least {self.fewest} seeds, not {run.seeds}")]
        return []

    def about(self) -> str:
        """The metric and the arms, in words, to open a statement with."""
        chosen = ", ".join(f"{path}={named(value)}" for path, value in self.where.items())
        return f"{self.metric} ({chosen})" if chosen else self.metric


def verdict(arm: str, backend: str, several: bool, finding: Finding) -> Verdict:
    """A finding with its arm; the backend opens the evidence if there are several."""
    holds, evidence = finding
    return Verdict(arm, holds, f"{backend}: {evidence}" if several else evidence, backend)


def beyond(listed: Sequence[int], generations: int, path: str) -> list[tuple[str, str]]:
    """A problem per listed generation that the run does not reach."""
    text = "generation {} is beyond the last one, {}"
    return [(path, text.format(g, generations)) for g in listed if g > generations]


def named(value: Any) -> str:
    """A value of ``where`` in a few characters."""
    if isinstance(value, Mapping):
        inner = ",".join(f"{key}={named(item)}" for key, item in value.items() if key != "kind")
        kind = str(value.get("kind", ""))
        return f"{kind}({inner})" if inner else kind
    return number_text(value) if isinstance(value, float) else str(value)


def matches(data: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    """True if an arm's plain data have all the values of ``where`` (dotted paths)."""
    return all(_covers(_at(data, path), wanted) for path, wanted in where.items())


def _at(data: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(data, list) and part.isdigit() and int(part) < len(data):
            data = data[int(part)]
            continue
        if not isinstance(data, Mapping) or part not in data:
            return None
        data = data[part]
    return data


def _covers(found: Any, wanted: Any) -> bool:
    if isinstance(found, Mapping) and isinstance(wanted, str):
        return bool(found.get("kind") == wanted)
    if isinstance(found, Mapping) and isinstance(wanted, Mapping):
        return all(_covers(found.get(key), value) for key, value in wanted.items())
    return bool(found == wanted)


def count(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
