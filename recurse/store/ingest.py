"""Turning fragments into rows: a batch is one transaction and may be repeated without harm.

A row is new, or known with equal numbers, or divergent: known with other numbers. Every insert is
preceded by a look for the same key, and the lock keeps other writers out between the two; so
repeating an insert changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from recurse.reading.problems import RecurseError
from recurse.store.database import insert, objects, texts
from recurse.store.faults import fault
from recurse.store.staging import Fragment, digests


class DivergentRerun(RecurseError):
    """A cell was computed twice with different numbers."""

    exit_code = 1


@dataclass(frozen=True)
class Outcome:
    """The changes of one batch; ``divergent`` maps the position of a fragment to the difference."""

    committed: tuple[tuple[str, int, int], ...]
    failures: tuple[tuple[str, int, str], ...]
    known: int
    divergent: Mapping[int, str]


@dataclass(frozen=True)
class _Rows:
    """One entry per (fragment, cell) of a batch ``[K]``: position of the fragment, row in it."""

    fragment: npt.NDArray[np.int32]
    row: npt.NDArray[np.int32]
    name: npt.NDArray[np.int32]
    sha: npt.NDArray[np.uint64]

    def take(self, keep: npt.NDArray[np.bool_]) -> _Rows:
        return _Rows(self.fragment[keep], self.row[keep], self.name[keep], self.sha[keep])


def reached(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """The newest generation stored of every cell that has any."""
    query = "SELECT cell, max(generation) FROM generations GROUP BY cell"
    return dict(connection.execute(query).fetchall())


def insert_batch(
    connection: duckdb.DuckDBPyConnection,
    batch: Sequence[tuple[Path, Fragment]],
    newest: Mapping[str, int],
) -> Outcome:
    """Insert the new rows of a batch, inside the caller's transaction.

    Args:
        connection: the live database.
        batch: fragments by file; no (cell, generation) may occur twice.
        newest: for each cell, a generation at or above every stored one. A row above it is new
            without a look at the table, which would be read from end to end.
    """
    fragments = [fragment for _, fragment in batch]
    names = {name: place for place, name in enumerate(_names(fragments))}
    rows = _rows(fragments, names)
    _register(connection, fragments, names)
    reach = np.array([newest.get(name, -1) for name in names], np.int32)
    generation = np.array([fragment.generation for fragment in fragments], np.int32)
    places = np.flatnonzero(generation[rows.fragment] <= reach[rows.name]).astype(np.int32)
    known, divergent = _compare(connection, batch, rows, places)
    new = rows.take(~known)
    _insert_generations(connection, new)
    fault("ingest.after_generations")
    _insert_metrics(connection, fragments, names, new)
    _insert_failures(connection, fragments)
    _insert_numerics(connection, fragments)
    _insert_artifacts(connection, fragments, new)
    for view in ("batch", "names"):
        connection.unregister(view)
    added = np.bincount(new.fragment, minlength=len(fragments))
    return Outcome(
        tuple((f.block, f.generation, int(n)) for f, n in zip(fragments, added, strict=True)),
        tuple((c, f.generation, why) for f in fragments for c, why in f.failures.items()),
        int(known.sum()),
        divergent,
    )


def numerics_id(numerics: Mapping[str, Any]) -> str:
    """The name of a numerics class: a hash of its canonical JSON."""
    return hashlib.sha256(_canonical(numerics).encode()).hexdigest()[:16]


def _canonical(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value), sort_keys=True, separators=(",", ":"))


def _names(fragments: Sequence[Fragment]) -> dict[str, None]:
    """Every cell and metric named in a batch, once each, in order."""
    return dict.fromkeys(name for f in fragments for name in (*f.cells, *f.metrics))


def _rows(fragments: Sequence[Fragment], names: Mapping[str, int]) -> _Rows:
    parts: list[tuple[Any, ...]] = []
    for place, fragment in enumerate(fragments):
        row = np.array(
            [r for r, cell in enumerate(fragment.cells) if cell not in fragment.failures], np.int32
        )
        name = np.array([names[fragment.cells[r]] for r in row], np.int32)
        parts.append((np.full(len(row), place, np.int32), row, name, digests(fragment)[row]))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return _Rows(*columns)


def _register(
    connection: duckdb.DuckDBPyConnection, fragments: Sequence[Fragment], names: Mapping[str, int]
) -> None:
    """Make the batch's own tables known: long texts travel once, rows refer to them by number."""
    places = np.arange(len(names), dtype=np.int32)
    connection.register("names", {"name": places, "text": texts(names)})
    batch = {
        "fragment": np.arange(len(fragments), dtype=np.int32),
        "run": texts(f.run for f in fragments),
        "block": texts(f.block for f in fragments),
        "generation": np.array([f.generation for f in fragments], np.int32),
        "numerics": texts(numerics_id(f.numerics) for f in fragments),
        "seconds": np.array([f.seconds for f in fragments], np.float64),
        "compile_seconds": np.array([f.compile_seconds for f in fragments], np.float64),
    }
    connection.register("batch", batch)


def _compare(
    connection: duckdb.DuckDBPyConnection,
    batch: Sequence[tuple[Path, Fragment]],
    rows: _Rows,
    places: npt.NDArray[np.int32],
) -> tuple[npt.NDArray[np.bool_], dict[int, str]]:
    """A mask ``[K]`` of the rows that are stored already; the difference in numbers by place.

    Only the rows at ``places`` are looked up.
    """
    known = np.zeros(len(rows.sha), np.bool_)
    if not len(places):
        return known, {}
    columns = {"place": places, "fragment": rows.fragment[places], "name": rows.name[places]}
    connection.register("incoming", columns)
    found = connection.execute(
        "SELECT place, g.sha, g.run, g.block, g.numerics FROM incoming "
        "JOIN batch USING (fragment) JOIN names USING (name) "
        "JOIN generations AS g ON g.cell = names.text AND g.generation = batch.generation "
        "ORDER BY place"
    ).fetchall()
    connection.unregister("incoming")
    divergent: dict[int, str] = {}
    for place, sha, run, block, numerics in found:
        known[place] = True
        if sha != int(rows.sha[place]):
            path, fragment = batch[rows.fragment[place]]
            cell = fragment.cells[rows.row[place]]
            text = (
                f"cell {cell} generation {fragment.generation}: run {run} (block {block}) stored "
                f"{sha:016x}, run {fragment.run} (block {fragment.block}, {path.name}) has "
                f"{int(rows.sha[place]):016x}"
            )
            if numerics != numerics_id(fragment.numerics):
                text += f"; numerics class {numerics} then, {numerics_id(fragment.numerics)} now"
            divergent.setdefault(int(rows.fragment[place]), text)
    return known, divergent


def _insert_generations(connection: duckdb.DuckDBPyConnection, new: _Rows) -> None:
    connection.register("incoming", {"fragment": new.fragment, "name": new.name, "sha": new.sha})
    connection.execute(
        "INSERT INTO generations BY NAME SELECT text AS cell, generation, run, block, sha, "
        "numerics, seconds, compile_seconds "
        "FROM incoming JOIN batch USING (fragment) JOIN names USING (name)"
    )
    connection.unregister("incoming")


def _insert_metrics(
    connection: duckdb.DuckDBPyConnection,
    fragments: Sequence[Fragment],
    names: Mapping[str, int],
    new: _Rows,
) -> None:
    """One row per value that was measured: NaN stands for a metric that was not."""
    parts: list[tuple[Any, ...]] = []
    for place, fragment in enumerate(fragments):
        mine = new.fragment == place
        values = fragment.values[new.row[mine]]
        rows, columns = np.nonzero(~np.isnan(values))
        metric = np.array([names[metric] for metric in fragment.metrics], np.int32)
        cell, count = new.name[mine][rows], np.full(len(rows), place, np.int32)
        parts.append((count, cell, metric[columns], values[rows, columns]))
    keys = ("fragment", "name", "metric", "value")
    incoming = dict(zip(keys, map(np.concatenate, zip(*parts, strict=True)), strict=True))
    connection.register("incoming", incoming)
    connection.execute(
        "INSERT INTO metrics BY NAME SELECT c.text AS cell, generation, m.text AS metric, value "
        "FROM incoming JOIN batch USING (fragment) JOIN names AS c ON c.name = incoming.name "
        "JOIN names AS m ON m.name = incoming.metric"
    )
    connection.unregister("incoming")


def _insert_failures(connection: duckdb.DuckDBPyConnection, fragments: Sequence[Fragment]) -> None:
    found = [(f, cell, why) for f in fragments for cell, why in f.failures.items()]
    columns = {
        "cell": texts(cell for _, cell, _ in found),
        "generation": np.array([f.generation for f, *_ in found], np.int32),
        "reason": texts(why for *_, why in found),
        "run": texts(f.run for f, *_ in found),
        "block": texts(f.block for f, *_ in found),
    }
    absent = "(cell, generation) NOT IN (SELECT (cell, generation) FROM failures)"
    insert(connection, "failures", columns, absent)


def _insert_numerics(connection: duckdb.DuckDBPyConnection, fragments: Sequence[Fragment]) -> None:
    found = {numerics_id(f.numerics): _canonical(f.numerics) for f in fragments}
    columns = {"id": texts(found), "detail": texts(found.values())}
    insert(connection, "numerics", columns, "id NOT IN (SELECT id FROM numerics)")


def _insert_artifacts(
    connection: duckdb.DuckDBPyConnection, fragments: Sequence[Fragment], new: _Rows
) -> None:
    """The files of new rows; those of known rows came with them, in the same transaction."""
    fresh = {
        (int(place), fragments[place].cells[row])
        for place, row in zip(new.fragment, new.row, strict=True)
        if fragments[place].artifacts
    }
    found = [
        (fragment.generation, artifact)
        for place, fragment in enumerate(fragments)
        for artifact in fragment.artifacts
        if (place, artifact.cell) in fresh
    ]
    columns = {
        "cell": texts(a.cell for _, a in found),
        "generation": np.array([generation for generation, _ in found], np.int32),
        "name": texts(a.name for _, a in found),
        "media_type": texts(a.media_type for _, a in found),
        "bytes": objects(a.data for _, a in found),
    }
    insert(connection, "artifacts", columns)
