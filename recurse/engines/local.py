"""The local engine: worker processes, one thread each; this process is the writer."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

from recurse.planner import Block, Plan
from recurse.store.writer import StoreWriter

_TRIES = 2  # a worker that died of a signal may have been killed by chance
_MOMENT = 0.2  # seconds between two looks at the stage
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class Progress:
    """One thing that happened: a generation of a block, its end, its failure, a retry."""

    event: str
    block: Block
    generation: int = -1
    loss: float | None = None
    message: str = ""


@dataclass
class Failure:
    """A block that could not be finished; ``bug`` when the fault is ours."""

    block: Block
    message: str
    bug: bool = False
    trace: str = ""


Watch = Callable[[Progress], None]


@dataclass(eq=False)
class _Worker:
    process: subprocess.Popen[bytes]
    backend: str
    complaints: IO[bytes]
    block: Block | None = None
    heard: bytes = b""


class LocalEngine:
    """Runs the blocks of a plan with at most ``jobs`` workers."""

    def __init__(
        self,
        plan: Plan,
        writer: StoreWriter,
        run: str,
        jobs: int,
        watch: Watch,
        every: float,
    ) -> None:
        self._plan = plan
        self._writer = writer
        self._jobs = jobs
        self._watch = watch
        self._waiting = self._ordered(plan.blocks)
        self._tries: dict[str, int] = {}
        self._done: dict[str, int] = {}
        self._workers: list[_Worker] = []
        self._selector = selectors.DefaultSelector()
        self._file = writer.root / f"plan-{run}.json"
        self._frozen = {"run": run, "every": every, **plan.data()}
        self.failures: list[Failure] = []

    def execute(self) -> list[Failure]:
        """Run everything; returns what could not be finished. Interrupted, it stops its workers."""
        for left in self._writer.root.glob("plan-*.json"):
            left.unlink()  # of a run that was killed
        self._file.write_text(json.dumps(self._frozen), encoding="utf-8")
        try:
            while self._waiting or any(worker.block for worker in self._workers):
                self._assign()
                self._listen()
                self._ingest()
                self._writer.publish_due()
        finally:
            self._stop()
            self._ingest()
            self._file.unlink(missing_ok=True)
        return self.failures

    def _ordered(self, blocks: Sequence[Block]) -> list[Block]:
        """Costly blocks first, so that the last worker is not left alone with one."""

        def cost(block: Block) -> float:
            arm = self._plan.arms[block.arm]
            share = (block.last - block.done) / max(block.last, 1)
            return -arm.cost.seconds * len(block.seeds) * share

        return sorted(blocks, key=cost)

    def _assign(self) -> None:
        for worker in self._workers:
            if worker.block is None and (block := self._next(worker.backend)):
                self._give(worker, block)
        for worker in [w for w in self._workers if w.block is None]:
            if self._waiting:  # of another backend: make room for it
                self._close(worker)
        while self._waiting and len(self._workers) < self._jobs:
            block = self._waiting.pop(0)
            self._give(self._start(self._backend(block)), block)

    def _backend(self, block: Block) -> str:
        return self._plan.arms[block.arm].arm.backend

    def _next(self, backend: str) -> Block | None:
        for place, block in enumerate(self._waiting):
            if self._backend(block) == backend:
                return self._waiting.pop(place)
        return None

    def _start(self, backend: str) -> _Worker:
        command = [sys.executable, "-m", "recurse.engines.worker"]
        complaints = tempfile.TemporaryFile()
        process = subprocess.Popen(
            [*command, str(self._writer.root), str(self._file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env=environment(),
        )
        worker = _Worker(process, backend, complaints)
        assert process.stdout is not None
        self._selector.register(process.stdout, selectors.EVENT_READ, worker)
        self._workers.append(worker)
        return worker

    def _give(self, worker: _Worker, block: Block) -> None:
        worker.block = block
        done = max(block.done, self._done.get(block.id, -1))
        assert worker.process.stdin is not None
        try:
            worker.process.stdin.write(f"{block.id} {done}\n".encode())
            worker.process.stdin.flush()
        except BrokenPipeError:
            pass  # it died; its closed output tells

    def _listen(self) -> None:
        """Take what the workers say, for a moment or until one of them is free."""
        deadline = time.monotonic() + _MOMENT
        while (left := deadline - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                worker: _Worker = key.data
                chunk = os.read(key.fd, 65536)
                if not chunk:
                    self._died(worker)
                    continue
                *lines, worker.heard = (worker.heard + chunk).split(b"\n")
                for line in lines:
                    self._hear(worker, json.loads(line))
            if any(worker.block is None for worker in self._workers) or not self._workers:
                return

    def _ingest(self) -> None:
        for block, generation, _ in self._writer.ingest().committed:
            self._done[block] = max(self._done.get(block, -1), generation)

    def _hear(self, worker: _Worker, said: Mapping[str, Any]) -> None:
        block = worker.block
        assert block is not None
        if said["event"] == "generation":
            loss = said.get("train_loss")
            self._watch(Progress("generation", block, said["generation"], loss))
            return
        worker.block = None
        if said["event"] == "error":
            failure = Failure(block, said["message"], said["bug"], said.get("trace", ""))
            self.failures.append(failure)
            self._watch(Progress("failed", block, message=failure.message))
        else:
            self._watch(Progress("done", block))

    def _died(self, worker: _Worker) -> None:
        code = worker.process.wait()
        block = worker.block
        worker.complaints.seek(0)
        lines = worker.complaints.read().decode(errors="replace").strip().splitlines()
        self._forget(worker)
        if block is None:
            return
        tried = self._tries[block.id] = self._tries.get(block.id, 0) + 1
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        text = f"the worker {how}" + (f": {lines[-1]}" if lines else "")
        if code < 0 and tried < _TRIES:
            self._watch(Progress("retry", block, message=text))
            self._ingest()
            self._waiting.insert(0, block)
        else:
            self.failures.append(Failure(block, text))
            self._watch(Progress("failed", block, message=text))

    def _close(self, worker: _Worker) -> None:
        assert worker.process.stdin is not None
        worker.process.stdin.close()
        worker.process.wait()
        self._forget(worker)

    def _forget(self, worker: _Worker) -> None:
        assert worker.process.stdout is not None
        self._selector.unregister(worker.process.stdout)
        self._workers.remove(worker)
        for stream in (worker.process.stdin, worker.process.stdout, worker.complaints):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()

    def _stop(self) -> None:
        for worker in list(self._workers):
            if worker.block is not None:
                worker.process.terminate()
            self._close(worker)
        self._selector.close()


def environment() -> dict[str, str]:
    """The environment of a worker: one thread each, unless the user says otherwise."""
    return {**{name: "1" for name in _THREADS}, **os.environ}


def default_jobs() -> int:
    """As many workers as there are processors to use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
