"""One life of a run: ``recurse run`` in a process of its own, ended by what a round has drawn.

The process is forked from a server that has imported everything, and so are its workers in four
lives of five, so that a life costs what the run does. Two settings that no option sets are made
short, so that a run of a second passes the steps of a long one: the time between snapshots and the
time between checkpoints.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
import time
from contextlib import suppress
from functools import partialmethod
from pathlib import Path
from random import Random

from recurse.cli import main
from recurse.engines import crew
from recurse.running.run import run
from recurse.store.writer import StoreWriter
from tests.soak.forked import READY, launcher

SERVER = multiprocessing.get_context("forkserver")
ENDS = (
    "calm",
    "kill coordinator",
    "kill worker",
    "kill all",
    "SIGTERM",
    "SIGINT",
    "SIGHUP",
    "file limit",
    "full disk",
)
"""How a life ends: by itself, by a signal, or for lack of space."""
SIGNALS = {"SIGTERM": 143, "SIGINT": 130, "SIGHUP": 143}
"""The exit code that each request to stop asks for."""
FAILED, FULL = 1, 2
SECONDS = 120.0


def life(store: Path, spec: Path, said: Path, pause: float, limit: int, forked: bool) -> None:
    """The process: runs the scenario, writes all that it says to ``said``.

    ``pause`` seconds lie between snapshots and between checkpoints; no file may be larger than
    ``limit`` bytes, if that is not 0. Its workers are forked beforehand, or started as always.
    """
    os.setsid()
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    if forked:  # before it says that it has begun: a signal is lost in what Python does at a fork
        crew.launch = launcher()
    with said.open("wb") as out:
        for descriptor in (1, 2):
            os.dup2(out.fileno(), descriptor)
    StoreWriter.publish_due = partialmethod(StoreWriter.publish_due, pause)  # type: ignore[assignment]
    assert run.__kwdefaults__ is not None
    run.__kwdefaults__["every"] = pause
    sys.exit(main(["run", str(spec), "--store", str(store), "-j", "1", "--no-report"]))


def lived(
    folder: Path, spec: Path, end: str, random: Random, moment: float
) -> tuple[int, str, bool]:
    """Let a run live in ``folder``, and end it after ``moment`` seconds if it has not ended.

    Returns its exit code (negative: the signal), what it said, and True if it was still alive when
    its end came.
    """
    limit = random.randrange(1 << 10, 1 << 20) if end == "file limit" else 0
    pause = random.choice([0.0, 0.1, 0.1, 30.0])
    said = spec.with_name(f"{spec.stem}.said")  # not where the disk is full
    forked = random.random() < 0.8
    said.unlink(missing_ok=True)
    asked = (folder / "runs", spec, said, pause, limit, forked)
    process = SERVER.Process(target=life, args=asked)
    process.start()
    assert process.pid is not None
    while process.is_alive() and not said.exists():
        time.sleep(0.001)  # what is sent before its first line meets Python, not the run
    process.join(SECONDS if end in ("calm", "file limit") else moment)
    alive = process.is_alive()
    ballast = folder / "ballast"
    if alive and end in ("calm", "file limit"):
        end = "kill all"  # it hangs, which its exit code will tell
    if alive and end == "full disk":
        fill(ballast, random.randrange(1 << 18))
    elif alive:
        _end(process.pid, end, READY - 1 if forked else 0)
    process.join(SECONDS)
    if process.is_alive():
        _end(process.pid, "kill all", 0)
        process.join()
    ballast.unlink(missing_ok=True)
    code = process.exitcode
    process.close()
    assert code is not None
    return code, said.read_text(errors="replace") if said.exists() else "", alive


def fill(ballast: Path, free: int) -> None:
    """Leave ``free`` bytes of the file system of ``ballast``."""
    with ballast.open("wb") as file, suppress(OSError):
        space = os.fstatvfs(file.fileno())
        os.posix_fallocate(file.fileno(), 0, max(space.f_bavail * space.f_frsize - free, 1))


def expected(end: str, code: int, alive: bool, said: str) -> bool:
    """True if a life that met this end may have this exit code and say this."""
    if "Traceback" in said or "this is a bug" in said:
        return False
    if end in ("full disk", "file limit"):
        # Where a worker finds it full its cells fail, and the message says why.
        return code == 0 or (code in (FAILED, FULL) and "is full" in said)
    if not alive or end in ("calm", "kill worker"):
        return code == 0
    # What comes before the first line of ours ends it by the signal, after the last one too late.
    return code in (0, SIGNALS.get(end, 0), -getattr(signal, end, signal.SIGKILL))


def _end(pid: int, end: str, place: int) -> None:
    """Send what ends a life; the worker that works is the child at that ``place``."""
    workers = _children(pid)
    targets = {
        "kill coordinator": [pid],
        "kill worker": workers[place : place + 1],
        "kill all": [pid, *workers],
    }
    number = getattr(signal, end, signal.SIGKILL)
    for target in targets.get(end, [pid]):
        with suppress(ProcessLookupError):
            os.kill(target, number)


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]


def timed(folder: Path, spec: Path) -> float:
    """The seconds of an undisturbed life in ``folder``."""
    before = time.monotonic()
    code, said, _ = lived(folder, spec, "calm", Random(0), 0.0)
    if code:
        raise SystemExit(f"the undisturbed run ended with code {code}: {said}")
    return time.monotonic() - before
