"""Questions that the writer asks its live connection and a reader asks a snapshot, in one place."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from itertools import pairwise

import duckdb
import numpy as np

from recurse.store.database import schema_version
from recurse.store.records import CellRecord, ClaimRecord, Curves, LastRun, ProbeRecord, Short


def history(
    connection: duckdb.DuckDBPyConnection, cells: Collection[str] | None = None
) -> dict[str, CellRecord]:
    """The records of cells and of those that ran with them in a block, by id; all by default."""
    asked = "true"
    if cells is not None:
        asked = "block IN (SELECT block FROM known WHERE cell IN (SELECT unnest(?))) "
        asked += "OR cell IN (SELECT unnest(?))"
    rows = connection.execute(
        "WITH known AS MATERIALIZED (SELECT * FROM progress) "
        "SELECT cell, block, done, reason, identity FROM known LEFT JOIN cells USING (cell) "
        f"WHERE {asked} ORDER BY cell",
        [] if cells is None else [list(cells)] * 2,
    ).fetchall()
    return {
        cell: CellRecord(cell, block or "", done, reason, identity or "")
        for cell, block, done, reason, identity in rows
    }


def short(connection: duckdb.DuckDBPyConnection, wanted: Mapping[str, int]) -> list[Short]:
    """The cells that lack a generation up to the one wanted of each, and did not fail there.

    In the order of ``wanted``.
    """
    known = history(connection, wanted)
    none = CellRecord("", "", -1, None, "")
    found = {cell: known.get(cell, none) for cell in wanted}
    lacking = {
        cell: one.generations_done
        for cell, one in found.items()
        if one.generations_done < wanted[cell] and one.failure is None
    }
    held: dict[str, set[int]] = {cell: set() for cell in lacking}
    query = "SELECT cell, generation FROM generations WHERE cell IN (SELECT unnest(?))"
    for cell, generation in connection.execute(query, [list(lacking)]).fetchall():
        held[cell].add(generation)
    return [Short(cell, done, _gaps(held[cell], wanted[cell])) for cell, done in lacking.items()]


def _gaps(held: Collection[int], last: int) -> tuple[tuple[int, int], ...]:
    """First and last of each run of numbers in ``0..last`` that are not held."""
    inside = (generation for generation in held if generation <= last)
    edges = [-1, *sorted(inside), last + 1]
    return tuple((a + 1, b - 1) for a, b in pairwise(edges) if b - a > 1)


def measured(connection: duckdb.DuckDBPyConnection, scenario: str) -> set[tuple[str, str, str]]:
    """(arm, backend, metric) of which any value is stored: NaN is not."""
    rows = connection.execute(
        "SELECT DISTINCT arm, backend, metric FROM members "
        "JOIN (SELECT DISTINCT cell, metric FROM metrics) USING (cell) WHERE scenario = ?",
        [scenario],
    ).fetchall()
    return set(rows)


def places(connection: duckdb.DuckDBPyConnection, scenario: str) -> dict[tuple[str, str, int], str]:
    """The cells of a scenario by their place: (arm, backend, seed) -> cell."""
    rows = connection.execute(
        "SELECT arm, backend, seed, cell FROM members WHERE scenario = ?", [scenario]
    ).fetchall()
    return {(arm, backend, seed): cell for arm, backend, seed, cell in rows}


def planned(connection: duckdb.DuckDBPyConnection, scenario: str) -> dict[str, str]:
    """Cell -> the block that the scenario's last plan put it in."""
    rows = connection.execute(
        "SELECT cell, block FROM members WHERE scenario = ? AND block != ''", [scenario]
    ).fetchall()
    return dict(rows)


def last_run(connection: duckdb.DuckDBPyConnection, scenario: str) -> LastRun | None:
    """The run of a scenario that was begun last."""
    found = connection.execute(
        "SELECT run, status, digest, versions::VARCHAR FROM runs WHERE scenario = ? "
        "ORDER BY started DESC, run DESC LIMIT 1",
        [scenario],
    ).fetchone()
    if found is None:
        return None
    run, status, digest, versions = found
    return LastRun(run, status, digest, json.loads(versions))


def claims(connection: duckdb.DuckDBPyConnection, scenario: str) -> list[ClaimRecord]:
    """The claims of a scenario as they were last judged, in their order."""
    rows = connection.execute(
        "SELECT claim, kind, arm, holds, statement, evidence FROM claims WHERE scenario = ? "
        "ORDER BY rowid",
        [scenario],
    ).fetchall()
    return [ClaimRecord(*row) for row in rows]


def probes(connection: duckdb.DuckDBPyConnection) -> list[ProbeRecord]:
    """All measurements; none in a snapshot that is older than the table of them."""
    if schema_version(connection) < 2:
        return []
    rows = connection.execute(
        "SELECT arm, setting::VARCHAR, width, seconds, compile_seconds, bytes, label, backend "
        "FROM probes ORDER BY label, backend, arm, setting, width"
    ).fetchall()
    return [ProbeRecord(*row) for row in rows]


def arrays(
    connection: duckdb.DuckDBPyConnection, scenario: str, metric: str
) -> dict[tuple[str, str], Curves]:
    """A metric by (arm, backend), in the order of the plan, for every cell of a scenario.

    Values are ``[G+1, R]`` with NaN where nothing is stored; G is what the scenario wants.
    """
    members = connection.execute(
        "SELECT arm, backend, min(place), max(generations), list(seed ORDER BY seed) "
        "FROM members WHERE scenario = ? GROUP BY arm, backend ORDER BY min(place)",
        [scenario],
    ).fetchall()
    found = {}
    for arm, backend, _, wanted, seeds in members:
        values = np.full((wanted + 1, len(seeds)), np.nan)
        found[arm, backend] = Curves(np.arange(wanted + 1), np.array(seeds, np.int64), values)
    stored = connection.execute(
        "WITH placed AS (SELECT cell, generations, "
        "  min(place) OVER (PARTITION BY arm, backend) AS first, "
        "  row_number() OVER (PARTITION BY arm, backend ORDER BY seed) - 1 AS seat "
        "  FROM members WHERE scenario = ?) "
        "SELECT first, seat, generation, value FROM placed JOIN metrics USING (cell) "
        "WHERE metric = ? AND generation <= generations",
        [scenario, metric],
    ).fetchnumpy()
    first = np.asarray(stored["first"])
    for arm, backend, place, *_ in members:
        mine = first == place
        generation, seat = stored["generation"][mine], stored["seat"][mine]
        found[arm, backend].values[generation, seat] = stored["value"][mine]
    return found
