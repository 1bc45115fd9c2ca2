"""Read-only copies of the database for everyone but the writer.

``snapshots/snap-000042.duckdb``: written under a temporary name by the writer's own connection,
fsync'ed, renamed. Each has its own name, because DuckDB would go on serving an old file under a
reused one. The newest two are kept, so that a reader that has just looked finds its file.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from recurse.store.faults import fault
from recurse.store.files import TEMPORARY, sync_directory, sync_file

if TYPE_CHECKING:
    import duckdb

SNAPSHOTS = "snapshots"
KEEP = 2


def published(root: Path) -> list[Path]:
    """The snapshots of the store, oldest first."""
    return sorted((root / SNAPSHOTS).glob("snap-[0-9]*.duckdb"))


def newest(root: Path) -> Path | None:
    """The latest snapshot, if there is one."""
    found = published(root)
    return found[-1] if found else None


def publish(connection: duckdb.DuckDBPyConnection, root: Path, storage: str) -> Path:
    """Copy the database that ``connection`` has attached as ``store`` into a new snapshot.

    Raises:
        duckdb.Error, OSError: the disk is full; earlier snapshots are untouched.
    """
    folder = root / SNAPSHOTS
    folder.mkdir(exist_ok=True)
    for leftover in folder.glob(f"{TEMPORARY}*"):
        leftover.unlink()
    last = newest(root)
    number = int(last.stem.removeprefix("snap-")) + 1 if last else 1
    final = folder / f"snap-{number:06d}.duckdb"
    temporary = folder / f"{TEMPORARY}{os.getpid()}-{final.name}"
    try:
        _copy(connection, temporary, storage)
        fault("publish.after_copy")
        sync_file(temporary)
        fault("publish.before_rename")
        os.replace(temporary, final)
    except BaseException:
        for leftover in folder.glob(f"{TEMPORARY}*"):
            leftover.unlink()
        raise
    fault("publish.after_rename")
    sync_directory(folder)
    for old in published(root)[:-KEEP]:
        old.unlink()
    fault("publish.after_prune")
    return final


def restore(snapshot: Path, database: Path) -> None:
    """Put a copy of a snapshot in the place of a lost database, whole or not at all."""
    temporary = database.with_name(f"{TEMPORARY}{os.getpid()}-{database.name}")
    shutil.copyfile(snapshot, temporary)
    sync_file(temporary)
    os.replace(temporary, database)
    sync_directory(database.parent)


def is_stale(root: Path, database: Path) -> bool:
    """Whether the database has changed since the newest snapshot: its writer was killed.

    Looks at times of change only; nobody but the writer may open the database.
    """
    changed = max(_changed(database), _changed(database.with_name(f"{database.name}.wal")))
    last = newest(root)
    return changed > (_changed(last) if last else 0)


def touch(root: Path) -> None:
    """Mark the newest snapshot as up to date, after the database was closed."""
    last = newest(root)
    if last is not None:
        os.utime(last)


def _changed(path: Path) -> int:
    """When a file was last written, in ns; 0 if it is not there (any more)."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _copy(connection: duckdb.DuckDBPyConnection, path: Path, storage: str) -> None:
    quoted = str(path).replace("'", "''")
    connection.execute(f"ATTACH '{quoted}' AS snapshot (STORAGE_VERSION '{storage}')")
    try:
        connection.execute("COPY FROM DATABASE store TO snapshot")
    finally:
        connection.execute("DETACH snapshot")
