"""The check that the claims of a scenario can be judged: arms, metrics, theory and files exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from recurse.claims import Claim, Prospect, matches
from recurse.reading.problems import Problem
from recurse.scenario.scenario import Arm, LabelledArm, Scenario
from recurse.theory.law import Curve, curves


def claim_problems(scenario: Scenario, sound: Sequence[LabelledArm]) -> list[Problem]:
    """The reasons why claims cannot be judged, each with its place in the file.

    Theory is asked for ``sound`` arms only: a claim about an arm that cannot run is looked at in
    full once that arm is mended.
    """
    found = []
    for place, claim in enumerate(scenario.claims):
        for path, message in _problems(scenario, claim, sound):
            parts = tuple(part for part in path.split(".") if part)
            found.append(scenario.problem("E209", message, ("claims", place, *parts)))
    return found


def selected(scenario: Scenario, claim: Claim) -> list[LabelledArm]:
    """The arms that a claim is about."""
    return [arm for arm in scenario.arms if matches(arm.arm.data(), claim.where)]


def family(scenario: Scenario, claim: Claim) -> int:
    """The number of claims of this claim's kind."""
    return sum(type(one) is type(claim) for one in scenario.claims)


def _problems(
    scenario: Scenario, claim: Claim, sound: Sequence[LabelledArm]
) -> Iterator[tuple[str, str]]:
    arms = selected(scenario, claim)
    if not arms:
        yield "where", "selects no arm of this scenario"
        return
    lacking = [a.label for a in arms if claim.metric not in {m.kind for m in a.arm.metrics}]
    if lacking:
        yield "metric", f"'{claim.metric}' is not measured in arm '{lacking[0]}'"
        return
    able = {id(arm) for arm in sound}  # arms on two backends may share a label
    if any(id(arm) not in able for arm in arms):
        return
    generations = min(arm.arm.generations for arm in arms)
    yield from claim.problems(
        Prospect(
            generations,
            _Theory(claim.metric, arms),
            scenario.folder,
            seeds=len(scenario.seed_list),
            arms=[arm.arm.data() for arm in arms],
            family=family(scenario, claim),
        )
    )


class _Theory(Mapping[str, tuple[Curve, ...]]):
    """Arm label -> curves of one metric, computed only when looked at."""

    def __init__(self, metric: str, arms: list[LabelledArm]) -> None:
        self._metric = metric
        self._arms = {arm.label: arm.arm for arm in arms}

    def __getitem__(self, label: str) -> tuple[Curve, ...]:
        return theory(self._arms[label], self._metric)

    def __iter__(self) -> Iterator[str]:
        return iter(self._arms)

    def __len__(self) -> int:
        return len(self._arms)


@lru_cache(maxsize=256)
def theory(arm: Arm, metric: str | None = None) -> tuple[Curve, ...]:
    """Every curve that applies to an arm; with a ``metric``, every curve of that one."""
    return curves(arm, metric)[0]
