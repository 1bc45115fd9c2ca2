"""Read-only copies of the database for everyone but the writer.

``snapshots/snap-000042.duckdb``: the bytes of the database after a checkpoint, while its writer
waits; copied under a temporary name, fsync'ed, renamed. (To let DuckDB copy its tables takes 30 x
longer.) Each has its own name, because DuckDB would go on serving an old file under a reused one.
The newest two are kept, so that a reader that has just looked finds its file. A copy becomes a
snapshot, and an older one goes, only after every block of the copy was read.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from recurse.store import soundness
from recurse.store.faults import fault
from recurse.store.files import TEMPORARY, sync_directory, sync_file

SNAPSHOTS = "snapshots"
KEEP = 2
_COPY = """
import shutil, sys
try:
    shutil.copyfile(*sys.argv[1:])
except OSError as error:
    sys.exit(error.errno)
"""


class Unsound(Exception):
    """The database that was to be published is damaged."""


def published(root: Path) -> list[Path]:
    """The snapshots of the store, oldest first."""
    return sorted((root / SNAPSHOTS).glob("snap-[0-9]*.duckdb"))


def newest(root: Path) -> Path | None:
    """The latest snapshot, if there is one."""
    found = published(root)
    return found[-1] if found else None


def newest_whole(root: Path) -> Path | None:
    """The latest snapshot of which every block can be read, if there is one."""
    whole = (path for path in reversed(published(root)) if not soundness.examined(path)[1])
    return next(whole, None)


def publish(root: Path, database: Path) -> Path:
    """Copy the database into a new snapshot; its writer has just made a checkpoint, and waits.

    Raises:
        OSError: the disk is full; earlier snapshots are untouched.
        Unsound: the database is damaged; earlier snapshots are untouched.
    """
    log = database.with_name(f"{database.name}.wal")
    if log.exists() and log.stat().st_size:
        raise OSError(f"{log} is not empty after a checkpoint")
    folder = root / SNAPSHOTS
    folder.mkdir(exist_ok=True)
    for leftover in folder.glob(f"{TEMPORARY}*"):
        leftover.unlink()
    last = newest(root)
    number = int(last.stem.removeprefix("snap-")) + 1 if last else 1
    final = folder / f"snap-{number:06d}.duckdb"
    temporary = folder / f"{TEMPORARY}{os.getpid()}-{final.name}"
    try:
        _copy(database, temporary)
        fault("publish.after_copy")
        sync_file(temporary)
        if damage := soundness.examined(temporary)[1]:
            raise Unsound(damage)
        fault("publish.before_rename")
        os.replace(temporary, final)
    except BaseException:
        for leftover in folder.glob(f"{TEMPORARY}*"):
            leftover.unlink()
        raise
    fault("publish.after_rename")
    sync_directory(folder)
    if last is None:
        sync_directory(root)
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
    """True if the database has changed since the newest snapshot: its writer was killed.

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
    """The time of the last change of a file, in ns; 0 if it is not there (any more)."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _copy(source: Path, target: Path) -> None:
    """Copy in another process: closing a file drops all locks of its process, DuckDB's as well."""
    command = [sys.executable, "-I", "-S", "-c", _COPY, str(source), str(target)]
    code = subprocess.run(command, capture_output=True, check=False).returncode
    if code > 0:
        raise OSError(code, os.strerror(code), str(target))
    if code < 0:
        raise OSError(f"copying {source} was ended by signal {-code}")
