"""From a scenario to stored, judged results: what `recurse run` does, callable from Python."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from recurse.engines.crew import Crew
from recurse.engines.local import Failure, LocalEngine, Progress, Watch
from recurse.planning.blocks import History, Known
from recurse.planning.plan import Plan
from recurse.planning.planner import plan, require
from recurse.planning.promises import theory
from recurse.planning.widths import Key, Measured
from recurse.running.judge import judge
from recurse.scenario.identity import canonical, digest
from recurse.scenario.scenario import Scenario, load
from recurse.store import signals
from recurse.store.records import ClaimRecord, Member, Note, Provenance, ScenarioRecord, TheoryCurve
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

    def __repr__(self) -> str:
        lost, held = len(self.lost), sum(claim.holds is True for claim in self.claims)
        return (
            f"<Result of '{self.plan.scenario.name}': {len(self.plan.cells)} cells, {lost} failed; "
            f"{held} of {len(self.claims)} verdicts hold>"
        )

    @property
    def holds(self) -> bool:
        """Whether every cell finished and every claim holds."""
        return not self.failures and not self.lost and all(c.holds for c in self.claims)


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
        with signals.prompt():
            made = plan(
                scenario, partial(history, writer, scenario.name), retry, workers.jobs
            ).only(only)
        planned(made)
        name = writer.begin_run(
            _record(scenario), _members(made), made.data(), _provenance(command)
        )
        _put_static(writer, made)
        status = "interrupted"
        try:
            with workers if crew is None else nullcontext():
                engine = LocalEngine(made, writer, name, workers, watch, every)
                failures = engine.execute()
            with signals.prompt():
                claims = judge(scenario, lambda metric: writer.arrays(scenario.name, metric))
            writer.put_claims(scenario.name, claims)
            lost = _lost(made, writer)
            status = "failed" if failures or lost else "complete"
        finally:
            writer.finish_run(status)
        writer.publish()
        return Result(made, tuple(failures), lost, tuple(claims), tuple(writer.messages))


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
    )


def _lost(made: Plan, writer: StoreWriter) -> tuple[tuple[str, int, str], ...]:
    known = writer.history([cell.id for cell in made.cells])
    broken = [(cell.id, known[cell.id]) for cell in made.cells if cell.id in known]
    return tuple((i, k.generations_done + 1, k.failure) for i, k in broken if k.failure)


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
    notes = [Note(arm.label, "plan", text) for arm in made.arms for text in arm.notes]
    writer.put_notes(scenario.name, list(dict.fromkeys(notes)))


def _provenance(command: str) -> Provenance:
    found = {}
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
