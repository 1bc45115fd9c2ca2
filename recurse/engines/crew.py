"""Worker processes that outlive a plan: the next scenario finds them started."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Self

from recurse.planning.blocks import Block

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class Worker:
    """A process that runs blocks on one backend; ``block`` is the one under way."""

    def __init__(self, backend: str) -> None:
        self.backend = backend
        self.block: Block | None = None
        self.free_since = time.monotonic()
        self._heard = b""
        self._complaints: IO[bytes] = tempfile.TemporaryFile()
        self.process, self.said = launch("recurse.engines.worker", (), self._complaints)
        assert self.process.stdin is not None
        self._told = self.process.stdin

    def give(self, plan: Path, block: Block, done: int) -> None:
        """Give the worker a block of the frozen plan in that file, from generation ``done + 1``."""
        self.block = block
        asked = json.dumps(
            {"plan": str(plan), "block": block.id, "done": done, "coordinator": os.getpid()}
        )
        # A dead worker shows as end-of-file on its output.
        with suppress(BrokenPipeError):
            self._told.write(f"{asked}\n".encode())
            self._told.flush()

    def hear(self) -> list[Mapping[str, Any]] | None:
        """The worker's reports since the last call; None when the worker has ended."""
        chunk = os.read(self.said.fileno(), 65536)
        if not chunk:
            return None
        *lines, self._heard = (self._heard + chunk).split(b"\n")
        return [json.loads(line) for line in lines]

    def rest(self) -> None:
        """Note that the worker has done its block."""
        self.block = None
        self.free_since = time.monotonic()

    def complaint(self) -> str:
        """The last line that the worker wrote to standard error."""
        self._complaints.seek(0)
        lines = self._complaints.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def close(self) -> None:
        """Let the worker end, after its block if there is one."""
        with suppress(BrokenPipeError):
            self._told.close()
        self.process.wait()
        self.said.close()
        self._complaints.close()


class Crew:
    """At most ``jobs`` workers; a context manager that ends them."""

    def __init__(self, jobs: int | None = None) -> None:
        self.jobs = jobs or default_jobs()
        self.workers: list[Worker] = []
        self._selector = selectors.DefaultSelector()

    def start(self, backend: str) -> Worker:
        """One more worker."""
        worker = Worker(backend)
        self._selector.register(worker.said, selectors.EVENT_READ, worker)
        self.workers.append(worker)
        return worker

    def end(self, worker: Worker) -> None:
        """Let a worker go."""
        self._selector.unregister(worker.said)
        self.workers.remove(worker)
        worker.close()

    def ready(self, seconds: float) -> Iterator[Worker]:
        """The workers that report something, or have ended, within that time."""
        for key, _ in self._selector.select(seconds):
            yield key.data

    def gone(self, ready: Collection[Worker]) -> list[Worker]:
        """The workers that have ended and are not among the ``ready`` ones.

        The pipe of such a worker stays open while a process that it has forked holds it.
        """
        return [w for w in self.workers if w not in ready and w.process.poll() is not None]

    def stop(self) -> None:
        """End every block that is under way, and its worker; the others stay."""
        for worker in [worker for worker in self.workers if worker.block is not None]:
            worker.process.kill()  # no more than a kill may cost is lost
            self.end(worker)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()
        for worker in list(self.workers):
            self.end(worker)
        self._selector.close()


def launch(
    module: str, arguments: Sequence[str], complaints: IO[bytes], **environ: str
) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    """A process that runs ``python -m module FD ARGUMENTS``, and the pipe behind descriptor FD.

    Standard output goes where standard error goes, so that no library can write into the protocol.
    The process has its own process group: Ctrl-C on the terminal reaches the coordinator alone.
    """
    hear, say = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", module, str(say), *arguments],
            stdin=subprocess.PIPE,
            stdout=complaints,
            stderr=complaints,
            pass_fds=(say,),
            process_group=0,
            env={**environment(), **environ},
        )
    except BaseException:
        os.close(hear)
        raise
    finally:
        os.close(say)
    return process, os.fdopen(hear, "rb", buffering=0)


def environment() -> dict[str, str]:
    """The environment of a worker: one thread each, unless the user says otherwise."""
    return {**{name: "1" for name in _THREADS}, **os.environ}


def default_jobs() -> int:
    """As many workers as there are processors to use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
