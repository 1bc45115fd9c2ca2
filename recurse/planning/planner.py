"""The plan: what will run, how, and why; a pure function of the scenario and what is stored.

The one place that refuses: whatever `run` would refuse before its first step, `plan` refuses with a
position in the file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from recurse.lowering.decision import decide
from recurse.planning.blocks import (
    ArmPlan,
    Block,
    Cell,
    History,
    Recall,
    blocks_of,
    cell_of,
)
from recurse.planning.estimate import Estimate, estimate, measured
from recurse.planning.judgeable import claim_problems
from recurse.planning.plan import Plan, chosen_places, missing_packages
from recurse.planning.refusals import Refusal, refusals, unsound
from recurse.planning.widths import GENERATIONS, choose
from recurse.reading.problems import Problem, Problems, RecurseError
from recurse.scenario.blame import blame
from recurse.scenario.identity import digest, identities
from recurse.scenario.scenario import Arm, LabelledArm, Scenario, load
from recurse.theory.law import about

_SCOPE = "stated for"  # how a law begins that is about another policy, corrector or metric


def plan(
    scenario: Scenario | str | Path | Mapping[str, Any],
    history: History | Recall | None = None,
    retry: bool = False,
    jobs: int = 1,
) -> Plan:
    """Compile a scenario.

    Args:
        scenario: loaded, or what ``load`` takes.
        history: what is stored already, or how to ask for it.
        retry: run cells again that failed before.
        jobs: workers, for the choice among measured widths.

    Raises:
        Problems: everything that a run would refuse, each with its position.
    """
    if not isinstance(scenario, Scenario):
        scenario = load(scenario)
    check(scenario)
    _read(scenario)
    seeds = scenario.seed_list
    named = [
        [(seed, digest(text), text) for seed, text in identities(labelled.arm, seeds)]
        for labelled in scenario.arms
    ]
    if callable(history):
        history = history([name for names in named for _, name, _ in names])
    history = history or History()
    arms = tuple(_plan_arm(labelled, len(seeds), jobs, history) for labelled in scenario.arms)
    cells: list[Cell] = []
    blocks: list[Block] = []
    arms = tuple(
        _warned(arm, [name for _, name, _ in names], history)
        for arm, names in zip(arms, named, strict=True)
    )
    for index, (arm, names) in enumerate(zip(arms, named, strict=True)):
        mine = [cell_of(index, arm, seed, name, text, history, retry) for seed, name, text in names]
        cells.extend(mine)
        blocks.extend(blocks_of(index, arm, mine, history))
    return Plan(
        scenario, arms, tuple(cells), tuple(blocks), missing_packages(arm.arm for arm in arms)
    )


def check(scenario: Scenario) -> None:
    """All that a plan refuses, without planning: what `validate` asks.

    Raises:
        Problems: everything that a run would refuse, each with its position.
    """
    if scenario.accepted:
        return
    problems, sound = _refused(scenario)
    problems += [*_too_large(scenario, sound), *claim_problems(scenario, sound)]
    if problems:
        raise Problems(problems)
    scenario.accept()


def require(scenario: Scenario, only: Collection[str | int] | None = None) -> None:
    """Refuse what a plan refuses, and arms that lack a package here; all arms by default.

    Raises:
        Problems: as `check`.
        RecurseError: with the command that installs the package.
    """
    check(scenario)
    _read(scenario)
    arms = scenario.arms
    chosen = range(len(arms)) if only is None else chosen_places(arms, only)
    missing = missing_packages(arms[i].arm for i in chosen)
    if missing:
        raise RecurseError(missing[0], hint="then run again")


def _read(scenario: Scenario) -> None:
    """Have the data of every arm read: `check` looks at a part of them.

    Raises:
        Problems: what is wrong with them.
    """
    problems, _ = _refused(scenario, unsound)
    if not problems and not all(labelled.arm.source.counted for labelled in scenario.arms):
        problems = _too_large(scenario, scenario.arms, read=True)
    if problems:
        raise Problems(problems)


def _refused(
    scenario: Scenario, reasons: Callable[[Arm], Iterable[Refusal]] = refusals
) -> tuple[list[Problem], list[LabelledArm]]:
    """The reasons why arms cannot run, and the arms without any."""
    found: dict[tuple[Any, ...], Problem] = {}
    sound: list[LabelledArm] = []
    for labelled in scenario.arms:
        refused = _all_refusals(labelled.arm, reasons)
        if not refused:
            sound.append(labelled)
        for code, message, path in refused:
            place = labelled.locate(path)
            found.setdefault((code, place), scenario.problem(code, message, place))
    return list(found.values()), sound


def _all_refusals(
    arm: Arm, reasons: Callable[[Arm], Iterable[Refusal]] = refusals
) -> list[Refusal]:
    """Why an arm cannot run; an installed kind that raises is a reason as well."""
    try:
        return list(reasons(arm))
    except Exception as error:
        if (found := blame(error, arm)) is None:
            raise
        return [("E214", found.text, found.path)]


def _plan_arm(labelled: LabelledArm, seeds: int, jobs: int, history: History) -> ArmPlan:
    arm = labelled.arm
    decision, cost = decide(arm), _cost(arm)
    width = choose(arm, cost, seeds, jobs, history.probes)
    if found := width.measured:
        once = found.compile_seconds / min(found.width, seeds)
        cost = measured(arm, cost, found.seconds, GENERATIONS, once)
    notes = list(_left_out(arm))
    if seeds > 1 and (shared := arm.source.common(arm.samples.real)):
        notes.insert(0, shared)
    if arm.corrector.origin == "true distribution":
        notes.append(
            "the corrector injects draws from the source; compare with an arm of fresh real data"
        )
    return ArmPlan(
        labelled.label,
        labelled.axes,
        arm,
        decision.lowering,
        decision.because,
        cost,
        width,
        tuple(notes),
    )


def _warned(arm: ArmPlan, cells: Collection[str], history: History) -> ArmPlan:
    """The arm with a warning for every metric that was never a number in its stored results."""
    held = any(history.cells[cell].done >= 0 for cell in cells if cell in history.cells)
    if history.measured is None or not held:
        return arm
    silent = never_measured(arm, history.measured)
    return replace(arm, notes=(*arm.notes, *silent)) if silent else arm


def never_measured(arm: ArmPlan, measured: Collection[tuple[str, str, str]]) -> list[str]:
    """A warning for every metric of the arm that is not among those that had a value."""
    return [
        f"metric '{metric.kind}' was not a number (NaN) in any generation of any seed"
        for metric in arm.arm.metrics
        if (arm.label, arm.arm.backend, metric.kind) not in measured
    ]


@lru_cache(maxsize=4096)
def _left_out(arm: Arm) -> tuple[str, ...]:
    """The laws of the family that do not apply; those about another setting share a line."""
    found = {law.name: law.reason(arm) for law in about(arm)}
    reasons = {name: reason for name, reason in found.items() if reason}
    foreign = [name for name, reason in reasons.items() if reason.startswith(_SCOPE)]
    notes = [f"no {name} curve: {why}" for name, why in reasons.items() if name not in foreign]
    if foreign:
        notes.append(f"no curve of {', '.join(foreign)}: stated for other settings")
    return tuple(notes)


@lru_cache(maxsize=4096)
def _cost(arm: Arm) -> Estimate:
    return estimate(arm, decide(arm).lowering == "statistics")


def _too_large(
    scenario: Scenario, arms: Sequence[LabelledArm], read: bool = False
) -> list[Problem]:
    """Arms that do not fit into memory with their data, as far as these are counted or read."""
    available = memory()
    found = []
    for labelled in arms:
        source, needed = labelled.arm.source, _cost(labelled.arm).bytes
        data = source.footprint() if read or source.counted else 0
        if needed + data > 0.8 * available:
            what = f"one replicate of '{labelled.label}'" + (
                " and its data need" if data else " needs"
            )
            text = (
                f"{what} about {(needed + data) / 2**30:.1f} GiB, "
                f"this machine has {available / 2**30:.1f} GiB"
            )
            key = ("source", "path") if data > needed else ("samples",)
            found.append(scenario.problem("E206", text, labelled.locate(key)))
    return found


def memory() -> int:
    """Bytes of memory that the machine could give now."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            fields = dict(line.split(":", 1) for line in lines)
        return int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
