"""A store as everyone but its writer sees it: the newest snapshot, read-only, cut off from files.

SQL given by a user runs in a connection that can neither write, nor open files or addresses, nor
load extensions, nor change those settings.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import duckdb

from recurse.reading import names
from recurse.reading.problems import RecurseError
from recurse.store import database, lock, queries, snapshot, soundness
from recurse.store.records import CellRecord, Curves, Freshness, ProbeRecord
from recurse.store.staging import staged
from recurse.store.writer import StoreWriter

if TYPE_CHECKING:
    import polars

T = TypeVar("T")
TRIES = 5
_FOREIGN = ("INTERVAL", "UNION")  # types that polars has none for


class StoreMissing(RecurseError):
    """There is no store where one was looked for."""


class BadQuery(RecurseError):
    """A query that DuckDB refuses."""


class Store:
    """A store opened for reading; stays on one snapshot until `refresh`.

    Results that a killed run left staged are taken in first, if nobody writes and the folder is
    writable; ``messages`` tells of each such step and of those that failed. Frames are polars
    frames.
    """

    def __init__(
        self, path: str | Path = "runs", remark: Callable[[str], object] = lambda text: None
    ) -> None:
        """Open the newest snapshot.

        Args:
            path: the folder of the store.
            remark: called with each of the ``messages`` when it comes up.

        Raises:
            StoreMissing: there is none.
            NewerStore: it was written by a newer program.
        """
        self.root = database.usable(Path(path))
        self.messages: list[str] = []
        self._remark = remark
        self._damaged: set[Path] = set()
        self._recover()
        self._snapshot, self._written, self._connection = self._open()

    def refresh(self) -> None:
        """Go on with the newest snapshot."""
        before = self._connection
        self._snapshot, self._written, self._connection = self._open()
        before.close()

    def close(self) -> None:
        """Close the snapshot; harmless when called twice."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    @property
    def freshness(self) -> Freshness:
        """The age of the snapshot, and the process that writes to the store now."""
        age = max(time.time() - self._written, 0.0)
        return Freshness(self._snapshot.name, age, lock.holder(self.root))

    def metrics(
        self,
        scenario: str | None = None,
        metric: str | None = None,
        arm: str | None = None,
        backend: str | None = None,
    ) -> polars.DataFrame:
        """``v_metrics``: every value by scenario, arm, backend, seed, generation, metric."""
        return self._frame(
            "v_metrics",
            "scenario, arm, backend, metric, generation, seed",
            scenario=scenario,
            metric=metric,
            arm=arm,
            backend=backend,
        )

    def summary(
        self,
        scenario: str | None = None,
        metric: str | None = None,
        arm: str | None = None,
        backend: str | None = None,
    ) -> polars.DataFrame:
        """``v_summary``: mean, standard error and quantiles over the seeds."""
        return self._frame(
            "v_summary",
            "scenario, arm, backend, metric, generation",
            scenario=scenario,
            metric=metric,
            arm=arm,
            backend=backend,
        )

    def theory(self, scenario: str | None = None) -> polars.DataFrame:
        """The columns of ``v_theory``, and the ``name`` of each curve."""
        order = "scenario, arm, metric, kind, name, generation"
        return self._frame("theory", order, scenario=scenario)

    def claims(self, scenario: str | None = None) -> polars.DataFrame:
        """The columns of ``v_claims``, and the ``kind`` and ``statement`` of each claim."""
        return self._frame("claims", "scenario, rowid", scenario=scenario)

    def cells(self, scenario: str | None = None) -> polars.DataFrame:
        """``v_cells``: the cells of each scenario, each with its newest generation."""
        return self._frame("v_cells", "scenario, arm, backend, seed", scenario=scenario)

    def schedule(self, scenario: str | None = None, arm: str | None = None) -> polars.DataFrame:
        """The training data of each generation, pools ``born`` to ``until`` in one row."""
        order = "scenario, arm, generation, rowid"
        return self._frame("schedule", order, scenario=scenario, arm=arm)

    def notes(self, scenario: str | None = None) -> polars.DataFrame:
        """The remarks of planner and theory."""
        return self._frame("notes", "scenario, rowid", scenario=scenario)

    def runs(self, scenario: str | None = None) -> polars.DataFrame:
        """Every run: its request, program versions, machine and outcome."""
        return self._frame("runs", "started, run", scenario=scenario)

    def costs(self, scenario: str | None = None) -> polars.DataFrame:
        """Seconds of computing and compiling of each block, by generation."""
        where, values = _where(scenario=scenario)
        return self._query(
            "SELECT scenario, arm, backend, g.block, g.generation, min(g.numerics) AS numerics, "
            "max(seconds) AS seconds, max(compile_seconds) AS compile_seconds, count(*) AS cells "
            "FROM members AS m JOIN generations AS g "
            "ON m.cell = g.cell AND g.generation <= m.generations "
            f"WHERE {where} GROUP BY ALL ORDER BY scenario, arm, backend, g.block, g.generation",
            values,
        )

    def artifacts(self, scenario: str, name: str | None = None) -> polars.DataFrame:
        """The files of a scenario's cells, with their ``bytes``."""
        where, values = _where(scenario=scenario, name=name)
        return self._query(
            "SELECT scenario, arm, policy, backend, seed, a.generation, name, media_type, bytes "
            "FROM members AS m JOIN artifacts AS a "
            "ON m.cell = a.cell AND a.generation <= m.generations "
            f"WHERE {where} ORDER BY scenario, arm, backend, seed, a.generation, name",
            values,
        )

    def scenarios(self) -> tuple[str, ...]:
        """The names of the scenarios, sorted."""
        query = "SELECT scenario FROM scenarios ORDER BY 1"
        rows = self._ask(lambda connection: connection.execute(query).fetchall())
        return tuple(row[0] for row in rows if names.refusal(row[0]) is None)

    def scenario(self, name: str) -> dict[str, Any]:
        """The latest form of a scenario: title, cite, question, spec (plain data), digest, run.

        Raises:
            StoreMissing: the store has no such scenario.
        """

        def look(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
            cursor = connection.execute("SELECT * FROM scenarios WHERE scenario = ?", [name])
            columns = [column[0] for column in cursor.description or ()]
            return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]

        rows = self._ask(look)
        if not rows:
            known = ", ".join(self.scenarios()) or "none"
            raise StoreMissing(f"no scenario '{name}' in {self.root}", hint=f"it has: {known}")
        if (reason := names.refusal(name)) is not None:
            raise StoreMissing(f"the store {self.root} has a scenario whose name {reason}")
        found = rows[0]
        return {**found, "spec": json.loads(found["spec"])}

    def history(self, cells: Collection[str] | None = None) -> dict[str, CellRecord]:
        """The records of these cells and of those that ran with them, by id; all by default."""
        return self._ask(lambda connection: queries.history(connection, cells))

    def measured(self, scenario: str) -> set[tuple[str, str, str]]:
        """(arm, backend, metric) of which any value is stored: NaN is not."""
        return self._ask(lambda connection: queries.measured(connection, scenario))

    def places(self, scenario: str) -> dict[tuple[str, str, int], str]:
        """The cells of a scenario by their place: (arm, backend, seed) -> cell."""
        return self._ask(lambda connection: queries.places(connection, scenario))

    def planned(self, scenario: str) -> dict[str, str]:
        """Cell -> the block that the scenario's last plan put it in."""
        return self._ask(lambda connection: queries.planned(connection, scenario))

    def probes(self) -> list[ProbeRecord]:
        """All measurements of `recurse probe`."""
        return self._ask(lambda connection: queries.probes(connection))

    def arrays(self, scenario: str, metric: str) -> dict[tuple[str, str], Curves]:
        """A metric by (arm, backend): generations ``[G+1]``, seeds ``[R]``, values ``[G+1, R]``."""
        return self._ask(lambda connection: queries.arrays(connection, scenario, metric))

    def sql(self, query: str) -> polars.DataFrame:
        """Run a user's query against the views.

        Raises:
            BadQuery: DuckDB refuses it.
        """
        try:
            return self._query(query, [])
        except duckdb.Error as error:
            raise BadQuery(str(error)) from error

    def _frame(self, table: str, order: str, **filters: str | None) -> polars.DataFrame:
        where, values = _where(**filters)
        return self._query(f"SELECT * FROM {table} WHERE {where} ORDER BY {order}", values)

    def _query(self, query: str, values: Sequence[Any]) -> polars.DataFrame:
        import polars

        def look(connection: duckdb.DuckDBPyConnection) -> polars.DataFrame:
            relation = connection.sql(query, params=list(values))
            if relation is None:
                return polars.DataFrame()
            return polars.DataFrame(_Stream(_plain(relation).__arrow_c_stream__()))

        return self._ask(look)

    def _ask(self, look: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """The answer of this snapshot, or of another one if this one turns out to be damaged."""
        while True:
            try:
                return look(self._connection)
            except duckdb.Error as error:
                if not soundness.tells_damage(error):
                    raise
                damage = soundness.examined(self._snapshot)[1]
                if not damage:
                    raise
                self._give_up(damage)

    def _say(self, *texts: str) -> None:
        self.messages.extend(texts)
        for text in texts:
            self._remark(text)

    def _give_up(self, damage: str) -> None:
        """Leave a damaged snapshot for a whole one, copied from the database if that is sound.

        Raises:
            StoreDamaged: there is none.
        """
        self._say(f"{self._snapshot.name} is damaged: {damage}")
        self._damaged.add(self._snapshot)
        self._connection.close()
        if lock.holder(self.root) is None:
            self._take_in(publish=True)
        self._snapshot, self._written, self._connection = self._open()
        self._say(f"reading {self._snapshot.name}")

    def _open(self) -> tuple[Path, float, duckdb.DuckDBPyConnection]:
        """The newest snapshot that opens, and its time; a writer may remove others meanwhile."""
        refusals: dict[str, str] = {}
        for attempt in range(TRIES):
            found = snapshot.published(self.root)
            for path in (path for path in reversed(found) if path not in self._damaged):
                try:
                    written = path.stat().st_mtime
                    connection = _connected(path)
                except FileNotFoundError:
                    continue
                except duckdb.Error as error:
                    refusals[path.name] = f"{path.name}: {soundness.first_line(error)}"
                    if attempt == 0 and lock.holder(self.root) is None:
                        self._take_in(publish=True)  # the database may still be whole
                        break
                    continue
                self._say(*refusals.values())
                return path, written, connection
        if refusals or self._damaged:
            said = "; ".join([*refusals.values(), *self.messages])
            raise database.StoreDamaged(said, hint="'recurse db rebuild' restores what it can")
        raise self._nothing()

    def _nothing(self) -> StoreMissing:
        """The error for a folder without a snapshot, with the reason why there is none."""
        if self.messages:
            said = "; ".join(self.messages)
            return StoreMissing(f"{self.root} has nothing to read yet: {said}")
        if staged(self.root / "stage") or (self.root / database.DATABASE).exists():
            text = f"{self.root} has nothing to read yet: no run has published a snapshot"
            return StoreMissing(text, hint="'recurse db rebuild' publishes what is there")
        return StoreMissing(f"no store at {self.root}", hint="'recurse run SPEC' makes one")

    def _recover(self) -> None:
        """Take in what a killed run left staged; without the right to write, say so and read on."""
        old = snapshot.is_stale(self.root, self.root / database.DATABASE)
        if (old or staged(self.root / "stage")) and lock.holder(self.root) is None:
            self._take_in()

    def _take_in(self, publish: bool = False) -> None:
        try:
            with StoreWriter(self.root, "taking in what a killed run left", wait=0.0) as writer:
                writer.ingest()
                if publish:
                    writer.publish()
            self._say(*writer.messages)
        except lock.StoreBusy:
            pass  # A run has started meanwhile and takes care of it.
        except (RecurseError, OSError) as error:
            newest = snapshot.newest(self.root)
            self._say(f"reading {newest.name}: {error}" if newest else str(error))


def _connected(path: Path) -> duckdb.DuckDBPyConnection:
    """A connection to a snapshot of a version that this program knows."""
    connection = duckdb.connect(str(path), read_only=True, config=soundness.HARDENED)
    try:
        database.check_version(database.schema_version(connection))
    except BaseException:
        connection.close()
        raise
    return connection


class _Stream:
    """The Arrow stream of a relation without its type, which polars would keep: DuckDB's leak."""

    def __init__(self, capsule: object) -> None:
        self._capsule = capsule

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        del requested_schema
        return self._capsule


def _plain(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The relation as polars can take it: names once each, intervals and unions as text."""
    taken = set(relation.columns)
    foreign = [any(word in str(kind) for word in _FOREIGN) for kind in relation.types]
    if len(taken) == len(foreign) and not any(foreign):
        return relation
    columns: list[str] = []
    seen: set[str] = set()
    for place, (name, text) in enumerate(zip(relation.columns, foreign, strict=True), 1):
        fresh, number = name, 0
        while fresh in seen or (number and fresh in taken):
            number += 1
            fresh = f"{name}_{number}"
        seen.add(fresh)
        quoted = fresh.replace('"', '""')
        columns.append(f'#{place}{"::VARCHAR" if text else ""} AS "{quoted}"')
    return relation.project(", ".join(columns))


def _where(**filters: str | None) -> tuple[str, list[str]]:
    """A condition on those columns that are asked for, and its values."""
    wanted = {name: value for name, value in filters.items() if value is not None}
    condition = " AND ".join(f"{name} = ?" for name in wanted)
    return condition or "true", list(wanted.values())
