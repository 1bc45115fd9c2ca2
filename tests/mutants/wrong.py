"""Wrong programs: an arm of a shipped spec that runs something else than what it says.

Claims are judged on the results of such an arm as if they were those of the arm as it is: its label
and its theory stay. So what is tried is whether a claim sees that something is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from recurse.claims import matches
from recurse.claims.ordering import Ordering
from recurse.planning.judgeable import family, selected
from recurse.running.judge import judge
from recurse.scenario.scenario import Arm, LabelledArm, Scenario
from recurse.spec import Spec
from recurse.store.records import ClaimRecord, Curves
from tests.harness import Record, change, simulate

KINDS = ("source", "model", "policy", "sampler", "corrector")
FEWEST, SHARE = 20, 10


class Mutant(Spec):
    """A wrong program, and a run that is large enough to show it."""

    on: dict[str, Any] = Field(default_factory=dict)
    """The wrong arms, as in ``where``; for claims on single arms the first of them alone."""
    set: dict[str, Any] = Field(default_factory=dict)
    """Dotted path -> the value with which they are run in truth."""
    times: float = 1.0
    """A factor of all their values of the metric: a constant that is off."""
    late: Annotated[int, Field(ge=0)] = 0
    """Generations by which their values come too late: an index that is off."""
    smaller: dict[str, Any] = Field(default_factory=dict)
    """Dotted path -> value of both programs, where the arm as it is would take too long."""
    seeds: int | None = None
    """A tenth of the scenario's by default, at least 20."""
    generations: int | None = None
    """The last one; the scenario's by default."""
    beside: dict[str, Any] = Field(default_factory=dict)
    """For orderings: of the arms that are right, those that run, as in ``where``."""


def verdicts(scenario: Scenario, number: int, mutant: Mutant) -> tuple[bool | None, bool | None]:
    """The outcome of claim ``number`` (from 1) on the arms as they are, and on the wrong ones.

    True if all its verdicts are, False if one is; arms that were not run cannot tell.
    """
    sound = outcome(records(scenario, number, mutant, wrong=False))
    return sound, outcome(records(scenario, number, mutant, wrong=True))


def outcome(found: list[ClaimRecord]) -> bool | None:
    """False if a verdict is; None if none is True; True otherwise."""
    holds = {one.holds for one in found}
    return False if False in holds else (True in holds or None)


def records(scenario: Scenario, number: int, mutant: Mutant, wrong: bool) -> list[ClaimRecord]:
    """The verdicts on one claim; an arm that is not run counts among the arms, without seeds."""
    claim = scenario.claims[number - 1]
    chosen = selected(scenario, claim)
    backend = chosen[0].arm.backend
    affected = [one for one in chosen if matches(one.arm.data(), mutant.on)]
    assert affected, f"no arm of claim {number} has {mutant.on}"
    runs = affected[:1]
    if isinstance(claim, Ordering):
        backend = affected[0].arm.backend
        runs = [one for one in chosen if one.arm.backend == backend]
        runs = [o for o in runs if o in affected or matches(o.arm.data(), mutant.beside)]
    values: dict[tuple[str, str], Curves] = {}
    for one in chosen:
        here = one in runs
        values[one.label, one.arm.backend] = (
            measured(scenario, one, claim.metric, mutant, wrong and one in affected)
            if here
            else absent(one.arm.generations)
        )
    alone = scenario.model_copy(update={"claims": (claim.among(family(scenario, claim)),)})
    return judge(alone, lambda metric: values)


def measured(
    scenario: Scenario, labelled: LabelledArm, metric: str, mutant: Mutant, wrong: bool
) -> Curves:
    """The values of an arm, as it is or as it is wrongly run."""
    arm = labelled.arm
    if not arm.model.trained:
        arm = change(arm, backend="numpy")
    if mutant.generations is not None:
        arm = change(arm, generations=mutant.generations)
    arm = changed(arm, mutant.smaller | (mutant.set if wrong else {}))
    seeds = sorted(scenario.seed_list)
    seeds = seeds[: mutant.seeds or max(FEWEST, len(seeds) // SHARE)]
    values = run(arm.model_dump_json(by_alias=True), tuple(seeds))[metric]
    if wrong:
        late = min(mutant.late, len(values) - 1)
        values = np.concatenate([values[:1]] * late + [values[: len(values) - late]])
        values = values * mutant.times
    return Curves(np.arange(len(values)), np.asarray(seeds), values)


@lru_cache(maxsize=256)
def run(text: str, seeds: tuple[int, ...]) -> Record:
    """An arm, given as JSON, in memory."""
    return simulate(Arm.model_validate_json(text), seeds)


def changed(arm: Arm, fields: Mapping[str, Any]) -> Arm:
    """The arm with other values at dotted paths; a kind may be given by its name alone."""
    data = arm.data()
    for path, value in fields.items():
        *parents, last = path.split(".")
        below: Any = data
        for part in parents:
            below = below[int(part)] if isinstance(below, list) else below[part]
        if path in KINDS and isinstance(value, str):
            value = {"kind": value}
        below[int(last) if isinstance(below, list) else last] = value
    return Arm.model_validate_json(json.dumps(data))


def absent(generations: int) -> Curves:
    """An arm without seeds."""
    return Curves(np.arange(generations + 1), np.zeros(0, np.int64), np.zeros((generations + 1, 0)))
