"""One writer: a lock file of its own, held with flock, with a few words inside for the next one.

DuckDB's own lock is a POSIX one and is lost whenever the process closes any descriptor of the file;
ours is not. While a store is open the process may not fork: a forked child that ends normally would
checkpoint its copy of the database and delete the log the parent still writes to.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from recurse.reading.problems import RecurseError

LOCK = "lock"
_held: set[StoreLock] = set()
_guarded: list[bool] = []


class StoreBusy(RecurseError):
    """Another process writes to the store."""

    exit_code = 3


class StoreForked(RecurseError):
    """The process that writes to a store tried to fork."""

    exit_code = 4


class StoreLock:
    """The right to write to the store at ``root``; held from construction until `release`."""

    def __init__(self, root: Path, command: str = "", wait: float = 0.3) -> None:
        """Take the lock, trying for ``wait`` seconds.

        Raises:
            StoreBusy: somebody else holds it.
            OSError: the folder cannot be written.
            RecurseError: the lock is a link to another file, which would be overwritten.
        """
        self._descriptor = _opened(root / LOCK)
        until = time.monotonic() + wait
        while not _try(self._descriptor, fcntl.LOCK_EX):
            if time.monotonic() >= until:
                os.close(self._descriptor)
                raise busy(root)
            time.sleep(0.01)
        about = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": command,
        }
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, json.dumps(about).encode(), 0)
        _held.add(self)
        _guard()

    @property
    def held(self) -> bool:
        """True if this process still holds the lock."""
        return self in _held

    def release(self) -> None:
        """Let the next writer in; harmless when called twice."""
        if self.held:
            _held.discard(self)
            os.close(self._descriptor)


def holder(root: Path) -> dict[str, Any] | None:
    """The process that writes to the store now (pid, host, started, command), or None.

    Takes a shared lock for an instant, which a writer that starts then waits out.
    """
    try:
        # Neither does a pipe in its place make a reader wait for somebody who writes to it.
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(root / LOCK, flags)
    except OSError:
        return None
    try:
        return None if _try(descriptor, fcntl.LOCK_SH) else _about(descriptor)
    finally:
        os.close(descriptor)


def busy(root: Path) -> StoreBusy:
    """The error that says who holds the store and what to do."""
    about = holder(root) or {}
    who = f"'{about['command']}' " if about.get("command") else ""
    where = f"started {about.get('started', '?')} on {about.get('host', '?')}"
    return StoreBusy(
        f"the store {root} is in use by {who}(PID {about.get('pid', '?')}, {where})",
        hint="wait for it, stop it, or use 'recurse status' and 'recurse report', which read "
        "a snapshot",
    )


def _opened(path: Path) -> int:
    """A descriptor of the lock file; a store may be somebody else's, so no link is followed."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, flags, 0o644)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise RecurseError(f"{path} is a link to another file", hint="remove the link") from None


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _about(descriptor: int) -> dict[str, Any]:
    try:
        found = json.loads(os.pread(descriptor, 4096, 0))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _guard() -> None:
    """Watch for forks from the first open store on; an audit hook is the one way to refuse them."""
    if not _guarded:
        _guarded.append(True)
        sys.addaudithook(_refuse_fork)


def _refuse_fork(event: str, arguments: tuple[Any, ...]) -> None:
    del arguments
    if _held and event in ("os.fork", "os.forkpty"):
        raise StoreForked(
            "a process that writes to a store must not fork: the child would damage the store",
            hint="start processes with multiprocessing.get_context('spawn')",
        )
