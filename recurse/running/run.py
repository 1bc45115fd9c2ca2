"""From a scenario to stored, judged results: what `recurse run` does, callable from Python."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from recurse.engines.crew import Crew
from recurse.engines.local import Failure, LocalEngine, Progress, Watch
from recurse.planning.blocks import Cell, History, Known
from recurse.planning.plan import Plan
from recurse.planning.planner import never_measured, plan, require
from recurse.planning.promises import theory
from recurse.planning.widths import Key, Measured
from recurse.running.judge import judge
from recurse.scenario.blame import foreign
from recurse.scenario.identity import canonical, digest
from recurse.scenario.scenario import Scenario, load
from recurse.store import signals
from recurse.store.records import (
    CellRecord,
    ClaimRecord,
    Member,
    Note,
    Provenance,
    ScenarioRecord,
    Short,
    TheoryCurve,
)
from recurse.store.writer import StoreWriter

_PACKAGES = (
    "recurse-sim",
    "numpy",
    "torch",
    "jax",
    "flax",
    "optax",
    "duckdb",
    "polars",
    "pydantic",
)


@dataclass(frozen=True)
class Result:
    """How a run ended."""

    plan: Plan
    failures: tuple[Failure, ...]
    lost: tuple[tuple[str, int, str], ...]
    """Cells whose model broke: (cell, generation, reason)."""
    claims: tuple[ClaimRecord, ...]
    messages: tuple[str, ...]
    short: tuple[Short, ...] = ()
    """Cells that lack generations and neither failed nor are in a block that did."""
    silent: tuple[Note, ...] = ()
    """Warnings of metrics that were never a number."""

    def __repr__(self) -> str:
        lost, held = len(self.lost), sum(claim.holds is True for claim in self.claims)
        return (
            f"<Result of '{self.plan.scenario.name}': {len(self.plan.cells)} cells, {lost} failed; "
            f"{held} of {len(self.claims)} verdicts hold>"
        )

    @property
    def holds(self) -> bool:
        """Whether every cell finished and every claim holds."""
        whole = not (self.failures or self.lost or self.short)
        return whole and all(claim.holds for claim in self.claims)


def run(
    spec: Scenario | str | Path | Mapping[str, Any],
    store: str | Path = "runs",
    *,
    jobs: int | None = None,
    crew: Crew | None = None,
    sets: Sequence[str] = (),
    only: Collection[str | int] | None = None,
    retry: bool = False,
    watch: Watch = lambda progress: None,
    planned: Callable[[Plan], None] = lambda plan: None,
    every: float = 2.0,
    command: str = "",
) -> Result:
    """Run what is not stored yet, judge the claims, publish a snapshot.

    Args:
        spec: a file, a mapping or a loaded scenario.
        store: the directory of the store.
        jobs: worker processes; as many as processors by default.
        crew: workers that are there already, and stay, in place of ``jobs`` new ones.
        sets: overrides, ``path=value`` each.
        only: arms to run, by label or by place in the plan; all by default.
        retry: run cells again that failed before.
        watch: called with everything that happens.
        planned: called with the plan before work starts.
        every: seconds between checkpoints: what a kill may cost beside the generation under way.
        command: what the user typed, for the provenance.

    Raises:
        Problems: the scenario is refused.
        RecurseError: the store is busy, the disk is full, a package is missing.
    """
    scenario = spec if isinstance(spec, Scenario) else load(spec, sets)
    require(scenario, only)
    with signals.listening((signal.SIGINT,)), signals.held(), StoreWriter(store, command) as writer:
        writer.ingest()
        workers = crew or Crew(jobs)
        recall = partial(history, writer, scenario.name)
        with signals.prompt():
            made = plan(scenario, recall, retry, workers.jobs).only(only)
        planned(made)
        provenance = _provenance(command, made)
        name = writer.begin_run(_record(scenario), _members(made), made.data(), provenance)
        _put_static(writer, made)
        status = "interrupted"
        try:
            with workers if crew is None else nullcontext():
                engine = LocalEngine(made, writer, name, workers, watch, every)
                failures = engine.execute()
            result = _judged(made, writer, failures)
            status = _status(result)
        finally:
            writer.finish_run(status)
        writer.publish()
        return replace(result, messages=tuple(writer.messages))


def _judged(made: Plan, writer: StoreWriter, failures: Sequence[Failure]) -> Result:
    """What has come of the plan, from what is stored; claims and remarks are stored as well."""
    scenario = made.scenario
    with signals.prompt():
        claims = judge(scenario, lambda metric: writer.arrays(scenario.name, metric))
    writer.put_claims(scenario.name, claims)
    stored = _stored(made, writer)
    silent = _silent(made, writer, stored)
    writer.put_notes(scenario.name, _notes(made, silent))
    short = _short(made, writer, failures)
    return Result(made, tuple(failures), _lost(stored), tuple(claims), (), short, silent)


def _status(result: Result) -> str:
    if result.failures or result.lost:
        return "failed"
    return "incomplete" if result.short else "complete"


def history(writer: Any, scenario: str, cells: Collection[str]) -> History:
    """What is stored, in the planner's words. ``writer`` may be a reader as well."""
    places = writer.places(scenario)
    known = writer.history({*cells, *places.values()})
    probes: dict[Key, list[Measured]] = {}
    for one in writer.probes():
        found = Measured(one.width, one.seconds, one.compile_seconds, one.bytes)
        probes.setdefault(Key(one.arm, one.setting), []).append(found)
    return History(
        {n: Known(k.block, k.generations_done, k.failure, k.identity) for n, k in known.items()},
        places,
        writer.planned(scenario),
        probes,
        writer.measured(scenario),
    )


def _stored(made: Plan, writer: StoreWriter) -> list[tuple[Cell, CellRecord]]:
    """The cells of the plan of which anything is stored."""
    known = writer.history([cell.id for cell in made.cells])
    return [(cell, known[cell.id]) for cell in made.cells if cell.id in known]


def _lost(stored: Sequence[tuple[Cell, CellRecord]]) -> tuple[tuple[str, int, str], ...]:
    return tuple(
        (cell.id, known.generations_done + 1, known.failure)
        for cell, known in stored
        if known.failure
    )


def _short(made: Plan, writer: StoreWriter, failures: Sequence[Failure]) -> tuple[Short, ...]:
    """The cells that were to be complete and are not: whatever happened, a run must not hide it."""
    failed = {cell for failure in failures for cell in failure.block.cells}
    asked = {cell for block in made.blocks for cell in block.cells} - failed
    wanted = {
        cell.id: made.arms[cell.arm].arm.generations
        for cell in made.cells
        if cell.id in asked or cell.status == "cached"
    }
    return tuple(writer.short(wanted))


def _silent(
    made: Plan, writer: StoreWriter, stored: Sequence[tuple[Cell, CellRecord]]
) -> tuple[Note, ...]:
    """A warning for every metric that was never a number; the plan knows of what ran before."""
    ran = {block.arm for block in made.blocks}
    measured = writer.measured(made.scenario.name) if ran else set()
    held = {cell.arm for cell, known in stored if known.generations_done >= 0}
    found = []
    for place, arm in enumerate(made.arms):
        now = never_measured(arm, measured) if place in ran & held else []
        before = [text for text in never_measured(arm, ()) if text in arm.notes]
        found += [Note(arm.label, "metric", text) for text in (now if place in ran else before)]
    return tuple(found)


def _notes(made: Plan, silent: Sequence[Note] = ()) -> list[Note]:
    """The remarks of the plan and on metrics, each once."""
    notes = [
        Note(arm.label, "plan", text)
        for arm in made.arms
        for text in arm.notes
        if text not in never_measured(arm, ())
    ]
    return list(dict.fromkeys([*silent, *notes]))


def _record(scenario: Scenario) -> ScenarioRecord:
    spec = scenario.document.data if scenario.document else {}
    return ScenarioRecord(
        scenario.name,
        scenario.title,
        scenario.cite,
        scenario.question,
        spec,
        digest(canonical(spec)),
    )


def _members(made: Plan) -> list[Member]:
    placed = {cell: block.id for block in made.blocks for cell in block.cells}
    return [
        Member(
            arm=made.arms[cell.arm].label,
            axes=made.arms[cell.arm].axes,
            policy=made.arms[cell.arm].arm.policy.kind,
            backend=made.arms[cell.arm].arm.backend,
            seed=cell.seed,
            cell=cell.id,
            block=placed.get(cell.id, ""),
            generations=made.arms[cell.arm].arm.generations,
            identity=cell.identity,
        )
        for cell in made.cells
    ]


def _put_static(writer: StoreWriter, made: Plan) -> None:
    """What follows from the scenario alone: theory, schedules, remarks."""
    scenario = made.scenario
    by_label = {arm.label: arm.arm for arm in scenario.arms}
    with signals.prompt():
        curves = [
            TheoryCurve(label, arm.policy.kind, c.metric, c.kind, c.name, c.values, c.cite)
            for label, arm in by_label.items()
            for c in theory(arm)
            if c.metric in {metric.kind for metric in arm.metrics}
        ]
        schedules = {label: tuple(arm.schedule) for label, arm in by_label.items()}
    writer.put_theory(scenario.name, curves)
    writer.put_schedule(scenario.name, schedules)
    writer.put_notes(scenario.name, _notes(made))


def _provenance(command: str, made: Plan) -> Provenance:
    found = dict(text.rsplit(" ", 1) for arm in made.arms for text in foreign(arm.arm).values())
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    machine = {
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "python": sys.version.split()[0],
    }
    return Provenance(command, found, machine, _git())


def _git() -> dict[str, Any]:
    """The commit of the working directory, if it is a git checkout."""
    with suppress(OSError, subprocess.SubprocessError):
        call = ["git", "describe", "--always", "--dirty", "--abbrev=40"]
        done = subprocess.run(call, capture_output=True, text=True, timeout=5, check=True)
        return {"commit": done.stdout.strip()}
    return {}


__all__ = ["Progress", "Result", "history", "run"]
