"""The one process that writes: runs, fragments, theory, claims, snapshots.

DuckDB commits a fragment's rows before the file is forgotten, and it is forgotten only after the
next snapshot: a broken log then loses nothing. An exception from COMMIT does not say that the
commit failed, so every write here bears being repeated: it looks by key before it inserts.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb

from recurse.reading.problems import RecurseError
from recurse.schedule import Row
from recurse.store import database, queries, rows, signals, snapshot
from recurse.store.faults import fault
from recurse.store.files import sweep, sync_directory
from recurse.store.ingest import DivergentRerun, Outcome, insert_batch, reached
from recurse.store.lock import StoreLock
from recurse.store.mounts import refuse_network
from recurse.store.records import (
    CellRecord,
    ClaimRecord,
    Curves,
    IngestReport,
    LastRun,
    Member,
    Note,
    ProbeRecord,
    Provenance,
    ScenarioRecord,
    Short,
    TheoryCurve,
)
from recurse.store.staging import DamagedFragment, Fragment, read_fragment, staged

BATCH_FRAGMENTS = 64
BATCH_SECONDS = 0.1
MINIMUM_FREE = 64 * 2**20


class StoreWriter:
    """A store opened for writing; a context manager.

    ``messages`` names every file that was recovered or set aside. ``stage`` and ``checkpoints`` are
    the folders that workers write to. ``run`` is the run that was begun last.
    """

    def __init__(
        self,
        path: str | Path,
        command: str = "",
        *,
        wait: float = 0.3,
        minimum_free: int = MINIMUM_FREE,
    ) -> None:
        """Take the lock; open, create or recover the database.

        Raises:
            StoreBusy: another process writes to the store; exit code 3.
            StoreFull: less than ``minimum_free`` bytes are free.
            NewerStore: the store was written by a newer program.
            NetworkStore: it is on a network file system.
        """
        self.root = database.usable(Path(path))
        self.stage = self.root / "stage"
        self.checkpoints = self.root / "checkpoints"
        self.messages: list[str] = []
        self.run = ""
        self._minimum_free = minimum_free
        self._settled: set[str] = set()
        self._reached: dict[str, int] | None = None
        self._published = time.monotonic()
        if remark := refuse_network(self.root):
            self.messages.append(remark)
        new = not self.root.exists()
        for folder in (self.root, self.stage, self.checkpoints):
            folder.mkdir(parents=True, exist_ok=True)
        self._lock = StoreLock(self.root, command, wait)
        try:
            fault("open.after_lock")
            self._check_space()
            self._dirty = snapshot.is_stale(self.root, self.root / database.DATABASE)
            self._connection = self._open()
            sweep(self.stage)
            sync_directory(self.root)  # what is durable inside a folder needs the folder
            if new:
                sync_directory(self.root.absolute().parent)
        except BaseException:
            self._lock.release()
            raise

    def begin_run(
        self,
        scenario: ScenarioRecord,
        members: Sequence[Member],
        plan: Mapping[str, Any],
        provenance: Provenance | None = None,
    ) -> str:
        """Record a run before its work starts; returns its id."""
        provenance = provenance or Provenance()
        self.run = f"{rows.now():%Y%m%dT%H%M%S}.{os.urandom(4).hex()}"

        def work() -> None:
            rows.put_run(self._connection, self.run, scenario, plan, provenance)
            rows.put_scenario(self._connection, self.run, scenario)
            rows.put_members(self._connection, self.run, scenario.scenario, members)

        self._write(work, "begin")
        self._checkpoint()
        return self.run

    def finish_run(self, status: str) -> None:
        """Record the end of the run: complete, failed, incomplete, interrupted."""
        row = [rows.now(), status, self.run]
        query = "UPDATE runs SET finished = ?, status = ? WHERE run = ?"
        self._write(lambda: self._connection.execute(query, row))

    def put_theory(self, scenario: str, curves: Iterable[TheoryCurve]) -> None:
        """Replace the theoretical curves of a scenario."""
        curves = tuple(curves)
        self._write(lambda: rows.put_theory(self._connection, scenario, curves))

    def put_schedule(self, scenario: str, schedules: Mapping[str, Iterable[Row]]) -> None:
        """Replace the schedules of a scenario, by label of the arm."""
        schedules = {arm: tuple(schedule) for arm, schedule in schedules.items()}
        self._write(lambda: rows.put_schedule(self._connection, scenario, schedules))

    def put_claims(self, scenario: str, claims: Sequence[ClaimRecord]) -> None:
        """Replace the outcome of a scenario's claims."""
        self._write(lambda: rows.put_claims(self._connection, scenario, claims))

    def put_notes(self, scenario: str, notes: Sequence[Note]) -> None:
        """Replace the remarks about a scenario."""
        self._write(lambda: rows.put_notes(self._connection, scenario, notes))

    def put_probes(self, probes: Sequence[ProbeRecord]) -> None:
        """Keep measurements; newer ones of the same arm, setting and width replace older ones."""
        self._write(lambda: rows.put_probes(self._connection, probes))

    def ingest(self) -> IngestReport:
        """Commit every staged fragment, in batches; the files go after the next `publish`.

        A damaged file, or one whose numbers differ from those stored, is moved to ``quarantine/``.

        Raises:
            DivergentRerun: after everything else is in: a cell was computed twice, differently.
            StoreFull: nothing stored is lost; fragments that are not in yet stay staged.
        """
        self._check_space()
        outcomes: list[Outcome] = []
        damaged: list[str] = []
        divergent: list[str] = []
        waiting = [path for path in staged(self.stage) if path.name not in self._settled]
        waiting.reverse()
        while waiting:
            batch = self._read(waiting, damaged)
            if batch:
                outcome = self._insert(batch)
                outcomes.append(outcome)
                divergent.extend(outcome.divergent.values())
        if divergent:
            raise DivergentRerun(
                "; ".join(divergent),
                hint=f"the stored numbers are kept; the file is in {database.QUARANTINE}/",
            )
        return IngestReport(
            tuple(entry for outcome in outcomes for entry in outcome.committed),
            tuple(entry for outcome in outcomes for entry in outcome.failures),
            sum(outcome.known for outcome in outcomes),
            tuple(damaged),
        )

    def history(self, cells: Collection[str] | None = None) -> dict[str, CellRecord]:
        """The records of these cells and of those that ran with them, by id; all by default."""
        return queries.history(self._connection, cells)

    def short(self, wanted: Mapping[str, int]) -> list[Short]:
        """The cells that lack a generation up to the one wanted of each, and did not fail there."""
        return queries.short(self._connection, wanted)

    def measured(self, scenario: str) -> set[tuple[str, str, str]]:
        """(arm, backend, metric) of which any value is stored: NaN is not."""
        return queries.measured(self._connection, scenario)

    def places(self, scenario: str) -> dict[tuple[str, str, int], str]:
        """The cells of a scenario by their place: (arm, backend, seed) -> cell."""
        return queries.places(self._connection, scenario)

    def planned(self, scenario: str) -> dict[str, str]:
        """Cell -> the block that the scenario's last plan put it in."""
        return queries.planned(self._connection, scenario)

    def last_run(self, scenario: str) -> LastRun | None:
        """The run of a scenario that was begun last."""
        return queries.last_run(self._connection, scenario)

    def claims(self, scenario: str) -> list[ClaimRecord]:
        """The claims of a scenario as they were last judged."""
        return queries.claims(self._connection, scenario)

    def probes(self) -> list[ProbeRecord]:
        """All measurements of `recurse probe`."""
        return queries.probes(self._connection)

    def arrays(self, scenario: str, metric: str) -> dict[tuple[str, str], Curves]:
        """A metric by (arm, backend): generations ``[G+1]``, seeds ``[R]``, values ``[G+1, R]``."""
        return queries.arrays(self._connection, scenario, metric)

    def publish(self) -> Path:
        """Make all stored rows visible to readers, then delete the fragments that hold them.

        Raises:
            StoreFull: nothing stored is lost; readers keep the snapshot before.
            StoreDamaged: a block of the database cannot be read; earlier snapshots are kept, and
                the fragments that are not in them stay staged.
        """
        try:
            self._checkpoint()
            fault("publish.after_checkpoint")
            path = snapshot.publish(self.root, self.root / database.DATABASE)
        except snapshot.Unsound as error:
            self._reopen()
            raise database.StoreDamaged(
                f"the store {self.root} is damaged ({error}); it is as of its last snapshot again",
                hint="run the same command again: what was computed since is staged",
            ) from error
        except (duckdb.Error, OSError) as error:
            raise self._explain(error) from error
        for place, name in enumerate(sorted(self._settled)):
            (self.stage / name).unlink(missing_ok=True)
            if place == 0:
                fault("publish.between_unlinks")
        sync_directory(self.stage)
        fault("publish.after_unlinks")
        self._settled.clear()
        self._dirty = False
        self._published = time.monotonic()
        return path

    def publish_due(self, seconds: float = 30.0) -> Path | None:
        """`publish` if rows are new and the last snapshot is ``seconds`` old."""
        due = self._dirty and time.monotonic() - self._published >= seconds
        return self.publish() if due else None

    def close(self) -> None:
        """Publish new rows, close the database, let the next writer in.

        Raises:
            StoreFull: the snapshot did not fit; all other steps were done.
        """
        if not self._lock.held:
            return
        try:
            if self._dirty:
                self.publish()
        finally:
            current = not self._dirty
            fault("close.before_disconnect")
            self._connection.close()
            fault("close.after_disconnect")
            if current:
                snapshot.touch(self.root)
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except RecurseError as late:
            if error is None:
                raise
            self.messages.append(str(late))

    def _open(self) -> duckdb.DuckDBPyConnection:
        connection, messages = database.open_database(self.root)
        self.messages.extend(messages)
        fault("open.after_connect")
        try:
            self._dirty = database.migrate(connection) or bool(messages) or self._dirty
        except BaseException as error:
            connection.close()
            if isinstance(error, duckdb.Error):
                raise self._explain(error) from error
            raise
        fault("open.after_schema")
        return connection

    def _reopen(self) -> None:
        # A recovered database may be an older snapshot: look again at all that is staged.
        self._reached = None
        self._settled.clear()
        self._connection.close()
        self._connection = self._open()

    def _write(self, work: Callable[[], object], point: str = "put") -> None:
        """Run ``work`` as a transaction, a second time if need be; ``work`` must bear that."""
        self._dirty = True
        with signals.held():
            try:
                database.commit(self._connection, work, point)
            except duckdb.Error:
                # The commit may have happened or not, and a fatal error ends the connection.
                self._reopen()
                try:
                    database.commit(self._connection, work, point)
                except duckdb.Error as error:
                    self._reopen()
                    raise self._explain(error) from error

    def _read(self, waiting: list[Path], damaged: list[str]) -> list[tuple[Path, Fragment]]:
        """The next batch off the end of ``waiting``, bounded in number and time."""
        batch: list[tuple[Path, Fragment]] = []
        taken: dict[int, set[str]] = {}
        until = time.monotonic() + BATCH_SECONDS
        while waiting and len(batch) < BATCH_FRAGMENTS and time.monotonic() < until:
            try:
                fragment = read_fragment(waiting[-1])
            except DamagedFragment as error:
                damaged.append(waiting[-1].name)
                self.messages.append(str(error))
                self._quarantine(waiting.pop())
                continue
            # A cell and generation handed in twice is compared with itself in the next batch.
            cells = taken.setdefault(fragment.generation, set())
            mine = {*fragment.cells, *fragment.failures}
            if not cells.isdisjoint(mine):
                break
            cells |= mine
            batch.append((waiting.pop(), fragment))
        fault("ingest.after_read")
        return batch

    def _insert(self, batch: Sequence[tuple[Path, Fragment]]) -> Outcome:
        outcomes: list[Outcome] = []

        def work() -> None:
            if self._reached is None:
                self._reached = reached(self._connection)
            outcomes.append(insert_batch(self._connection, batch, self._reached))

        self._write(work, "ingest")
        assert self._reached is not None
        for _, fragment in batch:
            for cell in fragment.cells:
                newest = max(self._reached.get(cell, -1), fragment.generation)
                self._reached[cell] = newest
        for place, (path, _) in enumerate(batch):
            if place in outcomes[-1].divergent:
                self._quarantine(path)
            else:
                self._settled.add(path.name)
        return outcomes[-1]

    def _quarantine(self, path: Path) -> None:
        place = self.root / database.QUARANTINE
        place.mkdir(exist_ok=True)
        os.replace(path, place / path.name)
        sync_directory(place)
        sync_directory(path.parent)

    def _check_space(self) -> None:
        if shutil.disk_usage(self.root).free < self._minimum_free:
            raise database.full(self.root)

    def _checkpoint(self) -> None:
        try:
            self._connection.execute("CHECKPOINT")
        except duckdb.Error as error:
            self._reopen()
            raise self._explain(error) from error
        if database.has_log(self.root):  # no log of DuckDB's: it would have been emptied
            self._connection.close()
            if database.has_log(self.root):
                self.messages.append(database.set_log_aside(self.root))
            self._connection = self._open()

    def _explain(self, error: Exception) -> RecurseError:
        if isinstance(error, RecurseError):
            return error
        if database.is_full(error):
            return database.full(self.root)
        return database.StoreDamaged(f"the store {self.root} failed: {error}")
