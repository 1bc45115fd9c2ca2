"""Opening the one database file: settings, schema steps, and recovery of a damaged one.

Only the holder of the lock calls these functions. Nothing is thrown away: a file that cannot be
opened is moved or copied to ``quarantine/`` first.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from recurse.reading.problems import RecurseError
from recurse.store import snapshot, soundness
from recurse.store.faults import fault
from recurse.store.files import sync_directory
from recurse.store.lock import StoreBusy

DATABASE = "store.duckdb"
QUARANTINE = "quarantine"
STORAGE = "v1.5.0"
FIXED_WIDTH = 2**24


class StoreFull(RecurseError):
    """The disk of the store is full."""


class NewerStore(RecurseError):
    """The store was written by a newer program."""


class StoreDamaged(RecurseError):
    """The database failed in a way that running again does not mend."""

    exit_code = 4


def open_database(root: Path) -> tuple[duckdb.DuckDBPyConnection, list[str]]:
    """Open, create or recover the database of ``root``; also returns a sentence per repair.

    The order of attempts: the file as it is, the file without its log, the newest snapshot that is
    whole, an empty file; each is read from end to end. Generations that are missing afterwards come
    back from the staged fragments, which stay until a snapshot holds them.

    Raises:
        StoreBusy: a program other than recurse has it open.
        StoreFull: no space to open it.
        NewerStore: the file needs a newer program.
    """
    messages: list[str] = []
    for mend in (_as_it_is, _without_log, _from_snapshot, _empty):
        try:
            message = mend(root)
            if message:
                messages.append(message)
            connection = _connect(root)
        except (duckdb.Error, OSError) as error:
            _refuse(root, error)
            messages.append(f"{DATABASE} could not be opened: {soundness.first_line(error)}")
        else:
            return connection, messages
    raise StoreDamaged("; ".join(messages), hint=f"look at {root / QUARANTINE}")


def usable(root: Path) -> Path:
    """The folder of a store, if DuckDB can open files in it.

    Raises:
        RecurseError: it cannot.
    """
    for mark in "\\?":
        if mark in str(root.absolute()):
            raise RecurseError(
                f"{root}: DuckDB would take '{mark}' in a path for something else",
                hint="choose another folder with --store",
            )
    return root


def has_log(root: Path) -> bool:
    """True if the database has a log that is not empty."""
    log = root / f"{DATABASE}.wal"
    return log.exists() and log.stat().st_size > 0


def set_log_aside(root: Path) -> str:
    """Move a log that DuckDB did not write to ``quarantine/``; the database must not be open."""
    place = _quarantine(root)
    _move_logs(root, place)
    return f"moved a log that cannot be read to {place}"


def migrate(connection: duckdb.DuckDBPyConnection, folder: Path | None = None) -> bool:
    """Bring the schema up to date, one transaction per numbered step; True if there was any step.

    Raises:
        NewerStore: the store is of a later version than this program knows.
    """
    folder = folder or Path(__file__).parent
    steps = [folder / "schema.sql", *sorted(folder.glob("migrate_*.sql"))]
    version = schema_version(connection)
    check_version(version, len(steps))
    for number, step in enumerate(steps[version:], version + 1):
        connection.execute("BEGIN")
        connection.execute(step.read_text())
        connection.execute(
            "INSERT INTO schema_version VALUES (?, current_localtimestamp())", [number]
        )
        connection.execute("COMMIT")
        # Schema changes in the log have broken its replay before; a checkpoint empties it.
        connection.execute("CHECKPOINT")
    return version < len(steps)


def schema_version(connection: duckdb.DuckDBPyConnection) -> int:
    """The step that the open database has reached; 0 when it is empty."""
    known = connection.execute(
        "SELECT count(*) FROM information_schema.tables "
        "WHERE table_name = 'schema_version' AND table_catalog = current_database()"
    ).fetchall()
    if not known[0][0]:
        return 0
    return int(connection.execute("SELECT max(version) FROM schema_version").fetchall()[0][0])


def check_version(found: int, known: int | None = None) -> None:
    """Refuse a store from the future.

    Raises:
        NewerStore: ``found`` is later than ``known`` (by default, than this program's).
    """
    if known is None:
        known = 1 + len(list(Path(__file__).parent.glob("migrate_*.sql")))
    if found > known:
        raise NewerStore(
            f"the store has schema version {found}, this program knows {known}",
            hint="install a newer recurse, or use another folder with --store",
        )


def is_full(error: BaseException) -> bool:
    """True if an error of Python or DuckDB says that there is no space."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    text = str(error)
    return any(
        sign in text for sign in ("No space left on device", "File too large", "Out of disk")
    )


def full(root: Path) -> StoreFull:
    """The error for a full disk."""
    free = shutil.disk_usage(root).free / 2**20
    return StoreFull(
        f"the disk of the store {root} is full ({free:.1f} MiB free)",
        hint="free some space and run the same command again: what is stored and staged is kept",
    )


def insert(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Mapping[str, npt.NDArray[Any]],
    where: str = "true",
) -> None:
    """Append columns of equal length to a table, by name; ``where`` may refer to ``incoming``."""
    if len(next(iter(columns.values()))) == 0:
        return
    connection.register("incoming", dict(columns))
    # Text of fixed width arrives as an ENUM, which becomes a quoted string in a column of JSON.
    select = ", ".join(
        f"{name}::VARCHAR AS {name}" if column.dtype.kind == "U" else name
        for name, column in columns.items()
    )
    connection.execute(f"INSERT INTO {table} BY NAME SELECT {select} FROM incoming WHERE {where}")
    connection.unregister("incoming")


def texts(values: Iterable[str]) -> npt.NDArray[Any]:
    """A column of text, of fixed width unless that is large: DuckDB 1.5 reads it 20 x faster."""
    values = list(values)
    if len(values) * max(map(len, values), default=0) <= FIXED_WIDTH:
        return np.array(values, dtype=np.str_)
    return objects(values)


def objects(values: Iterable[object]) -> npt.NDArray[Any]:
    """A column of bytes, or of booleans and None."""
    values = list(values)
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def commit(
    connection: duckdb.DuckDBPyConnection, work: Callable[[], object], point: str = "put"
) -> None:
    """Run ``work`` in a transaction; an error inside it rolls back."""
    connection.execute("BEGIN")
    try:
        work()
    except BaseException:
        try:
            connection.execute("ROLLBACK")
        except duckdb.Error:
            pass  # A fatal error has ended the transaction already.
        raise
    fault(f"{point}.before_commit")
    connection.execute("COMMIT")
    fault(f"{point}.after_commit")


def _connect(root: Path) -> duckdb.DuckDBPyConnection:
    settings: soundness.Settings = {**soundness.OFFLINE, "temp_directory": str(root / "spill")}
    connection = duckdb.connect(config=settings)
    path = str(root / DATABASE).replace("'", "''")
    try:
        connection.execute(f"ATTACH '{path}' AS store (STORAGE_VERSION '{STORAGE}')")
        connection.execute("USE store")
        # The file may be somebody else's: no view of it may reach another file from here.
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        soundness.read_all(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _as_it_is(root: Path) -> str:
    if not (root / DATABASE).exists() and snapshot.newest(root) is not None:
        return _from_snapshot(root)
    return ""


def _without_log(root: Path) -> str:
    place = _quarantine(root)
    if (root / DATABASE).exists():
        shutil.copy2(root / DATABASE, place / DATABASE)
    fault("recover.after_copy")
    _move_logs(root, place)
    fault("recover.after_unlink")
    return f"moved its log to {place} and opened it as of its last checkpoint"


def _from_snapshot(root: Path) -> str:
    newest = snapshot.newest_whole(root)
    if newest is None:
        return ""
    place = _quarantine(root)
    _move_logs(root, place)
    if (root / DATABASE).exists():
        os.replace(root / DATABASE, place / DATABASE)
    snapshot.restore(newest, root / DATABASE)
    return f"restored {DATABASE} from {newest.name}; what was there is in {place}"


def _empty(root: Path) -> str:
    place = _quarantine(root)
    _move_logs(root, place)
    if (root / DATABASE).exists():
        os.replace(root / DATABASE, place / DATABASE)
    return f"started a new {DATABASE}; what was there is in {place}"


def _quarantine(root: Path) -> Path:
    place = root / QUARANTINE / time.strftime("%Y%m%dT%H%M%S")
    place.mkdir(parents=True, exist_ok=True)
    return place


def _move_logs(root: Path, place: Path) -> None:
    for log in root.glob(f"{DATABASE}.*"):
        os.replace(log, place / log.name)
    sync_directory(root)


def _refuse(root: Path, error: Exception) -> None:
    """Raise where an error at opening is not damage."""
    text, said = str(error), soundness.first_line(error)
    if is_full(error):
        raise full(root) from error
    if isinstance(error, OSError) or "Permission denied" in text:
        raise RecurseError(
            f"{root / DATABASE} cannot be opened: {soundness.first_line(error)}"
        ) from error
    if "Could not set lock" in text:
        raise StoreBusy(
            f"{root / DATABASE} is open elsewhere: {soundness.first_line(error)}"
        ) from error
    if "read versions between" in text or "newer version" in text:
        raise NewerStore(
            f"{root / DATABASE} was written by a newer DuckDB: {said}",
            hint="upgrade the duckdb package",
        ) from error
