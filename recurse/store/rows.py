"""The rows of a run that are not results: requests, theory, schedules, claims, notes.

Each function runs inside the caller's transaction and may be repeated: it replaces what it wrote.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb
import numpy as np

from recurse.schedule import Row
from recurse.store.database import insert, objects, texts
from recurse.store.records import (
    ClaimRecord,
    Member,
    Note,
    ProbeRecord,
    Provenance,
    ScenarioRecord,
    TheoryCurve,
)


def put_run(
    connection: duckdb.DuckDBPyConnection,
    run: str,
    scenario: ScenarioRecord,
    plan: Mapping[str, Any],
    provenance: Provenance,
) -> None:
    """A run that starts now; runs that never said how they ended were killed."""
    connection.execute("DELETE FROM runs WHERE run = ?", [run])
    connection.execute("UPDATE runs SET status = 'killed' WHERE status = 'running'")
    row = [
        run,
        now(),
        "running",
        provenance.command,
        scenario.scenario,
        _json(scenario.spec),
        _json(plan),
        scenario.digest,
        _json(provenance.versions),
        _json(provenance.machine),
        _json(provenance.git),
    ]
    connection.execute("INSERT INTO runs VALUES (?, ?, NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


def put_scenario(connection: duckdb.DuckDBPyConnection, run: str, scenario: ScenarioRecord) -> None:
    """The latest form of a scenario."""
    connection.execute("DELETE FROM scenarios WHERE scenario = ?", [scenario.scenario])
    row = [
        scenario.scenario,
        scenario.title,
        scenario.cite,
        scenario.question,
        _json(scenario.spec),
        scenario.digest,
        run,
    ]
    connection.execute("INSERT INTO scenarios VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def put_members(
    connection: duckdb.DuckDBPyConnection, run: str, scenario: str, members: Sequence[Member]
) -> None:
    """The cells that make up a scenario, in the order of the plan."""
    connection.execute("DELETE FROM members WHERE scenario = ?", [scenario])
    columns = {
        "scenario": texts(scenario for _ in members),
        "arm": texts(m.arm for m in members),
        "axes": texts(_json(m.axes) for m in members),
        "policy": texts(m.policy for m in members),
        "backend": texts(m.backend for m in members),
        "seed": np.array([m.seed for m in members], np.int64),
        "cell": texts(m.cell for m in members),
        "block": texts(m.block for m in members),
        "generations": np.array([m.generations for m in members], np.int32),
        "place": np.arange(len(members), dtype=np.int32),
    }
    insert(connection, "members", columns)
    identities = {m.cell: m.identity for m in members}
    cells = {
        "cell": texts(identities),
        "identity": texts(identities.values()),
        "created": texts(run for _ in identities),
    }
    insert(connection, "cells", cells, "cell NOT IN (SELECT cell FROM cells)")


def put_theory(
    connection: duckdb.DuckDBPyConnection, scenario: str, curves: Iterable[TheoryCurve]
) -> None:
    """The theoretical curves of a scenario; values that are NaN are left out."""
    connection.execute("DELETE FROM theory WHERE scenario = ?", [scenario])
    points = [(c, g) for c in curves for g in np.flatnonzero(~np.isnan(c.values))]
    columns = {
        "scenario": texts(scenario for _ in points),
        "arm": texts(c.arm for c, _ in points),
        "policy": texts(c.policy for c, _ in points),
        "generation": np.array([g for _, g in points], np.int32),
        "metric": texts(c.metric for c, _ in points),
        "kind": texts(c.kind for c, _ in points),
        "name": texts(c.name for c, _ in points),
        "value": np.array([c.values[g] for c, g in points], np.float64),
        "cite": texts(c.cite for c, _ in points),
    }
    insert(connection, "theory", columns)


def put_schedule(
    connection: duckdb.DuckDBPyConnection, scenario: str, schedules: Mapping[str, Iterable[Row]]
) -> None:
    """The training data of each generation of each arm; neighbours of like use share a row."""
    connection.execute("DELETE FROM schedule WHERE scenario = ?", [scenario])
    found = [
        (arm, row, run)
        for arm, schedule in schedules.items()
        for row in schedule
        for run in row.runs
    ]
    nan = float("nan")
    columns = {
        "scenario": texts(scenario for _ in found),
        "arm": texts(arm for arm, *_ in found),
        "generation": np.array([row.generation for _, row, _ in found], np.int32),
        "pool": texts(run.pool.kind for *_, run in found),
        "born": np.array([run.pool.born for *_, run in found], np.int32),
        "until": np.array([run.last for *_, run in found], np.int32),
        "take": np.array([run.take for *_, run in found], np.int64),
        "weight": np.array([run.weight for *_, run in found], np.float64),
        # NaN arrives as NULL.
        "budget": np.array([nan if r.budget is None else r.budget for _, r, _ in found]),
        "replacement": np.array([row.replacement for _, row, _ in found], np.bool_),
    }
    insert(connection, "schedule", columns)


def put_claims(
    connection: duckdb.DuckDBPyConnection, scenario: str, claims: Sequence[ClaimRecord]
) -> None:
    """The claims of a scenario as just checked."""
    connection.execute("DELETE FROM claims WHERE scenario = ?", [scenario])
    columns = {
        "scenario": texts(scenario for _ in claims),
        "claim": texts(c.claim for c in claims),
        "kind": texts(c.kind for c in claims),
        "arm": texts(c.arm for c in claims),
        "holds": objects(c.holds for c in claims),
        "statement": texts(c.statement for c in claims),
        "evidence": texts(c.evidence for c in claims),
    }
    insert(connection, "claims", columns)


def put_notes(connection: duckdb.DuckDBPyConnection, scenario: str, notes: Sequence[Note]) -> None:
    """The remarks about a scenario."""
    connection.execute("DELETE FROM notes WHERE scenario = ?", [scenario])
    columns = {
        "scenario": texts(scenario for _ in notes),
        "arm": texts(n.arm for n in notes),
        "about": texts(n.about for n in notes),
        "note": texts(n.text for n in notes),
    }
    insert(connection, "notes", columns)


def put_probes(connection: duckdb.DuckDBPyConnection, probes: Sequence[ProbeRecord]) -> None:
    """Measurements; those of the same arm, setting and width are replaced."""
    for probe in probes:
        same = [probe.arm, probe.setting, probe.width]
        where = "arm = ? AND setting::VARCHAR = ? AND width = ?"
        connection.execute(f"DELETE FROM probes WHERE {where}", same)
        row = [*probe, now()]
        connection.execute("INSERT INTO probes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


def now() -> datetime:
    """The time in UTC, without a zone, as the store keeps it."""
    return datetime.now(UTC).replace(tzinfo=None)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value), sort_keys=True, separators=(",", ":"))
