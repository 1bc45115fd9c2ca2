"""The records that a run stores before its work starts: request, program versions, machine."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from contextlib import suppress
from typing import Any

from recurse.planning.judgeable import theory
from recurse.planning.plan import Plan
from recurse.running.outcome import notes
from recurse.running.standing import asked, versions
from recurse.scenario.scenario import Scenario
from recurse.store import signals
from recurse.store.records import Member, Provenance, ScenarioRecord, TheoryCurve
from recurse.store.writer import StoreWriter


def begin(writer: StoreWriter, made: Plan, command: str) -> str:
    """Record a run and the theory, schedules and remarks of its scenario; returns the run's id."""
    scenario = made.scenario
    provenance = _provenance(command, made)
    name = writer.begin_run(_record(scenario), _members(made), made.data(), provenance)
    _put_static(writer, made)
    return name


def _record(scenario: Scenario) -> ScenarioRecord:
    spec = scenario.document.data if scenario.document else {}
    return ScenarioRecord(
        scenario.name,
        scenario.title,
        scenario.cite,
        scenario.question,
        spec,
        asked(scenario),
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
    """Store all that follows from the scenario alone: theory, schedules, remarks."""
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
    writer.put_notes(scenario.name, notes(made))


def _provenance(command: str, made: Plan) -> Provenance:
    machine = {
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "python": sys.version.split()[0],
    }
    return Provenance(command, versions(made), machine, _git())


def _git() -> dict[str, Any]:
    """The commit of the working directory, if it is a git checkout."""
    with suppress(OSError, subprocess.SubprocessError):
        call = ["git", "describe", "--always", "--dirty", "--abbrev=40"]
        done = subprocess.run(call, capture_output=True, text=True, timeout=5, check=True)
        return {"commit": done.stdout.strip()}
    return {}
