"""The local engine: worker processes, one thread each; this process is the writer."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from recurse.engines.crew import Crew, Worker
from recurse.planning.blocks import Block
from recurse.planning.plan import Plan
from recurse.planning.words import gaps
from recurse.store import signals
from recurse.store.writer import StoreWriter

_TRIES = 2  # a worker that died of a signal may have been killed by chance
_MOMENT = 0.2  # seconds between two looks at the stage
_PATIENCE = 2.0  # seconds that starting a worker takes, or nearly


@dataclass(frozen=True)
class Progress:
    """One event of a run. ``event`` is ``doing`` (a step before the first generation, named in
    ``message``), ``training`` (how far a fit is), ``generation``, ``done``, ``failed`` or ``retry``
    (the block is run again)."""

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


class LocalEngine:
    """Runs the blocks of a plan with the workers of a crew."""

    def __init__(
        self, plan: Plan, writer: StoreWriter, run: str, crew: Crew, watch: Watch, every: float
    ) -> None:
        self._plan = plan
        self._writer = writer
        self._crew = crew
        self._watch = watch
        self._waiting = sorted(plan.blocks, key=self._cost, reverse=True)
        self._tries: dict[str, int] = {}
        self._gaps: dict[str, int] = {}
        self._done: dict[str, int] = {}
        self._file = (writer.root / f"plan-{run}.json").absolute()
        self._frozen = {"run": run, "every": every, **plan.data()}
        self.failures: list[Failure] = []

    def execute(self) -> list[Failure]:
        """Run every block; returns the failures. An interruption stops the blocks."""
        for left in self._writer.root.glob("plan-*.json"):
            left.unlink()  # of a run that was killed
        self._file.write_text(json.dumps(self._frozen), encoding="utf-8")
        try:
            self._serve()
            while self._again():
                self._serve()
        finally:
            self._crew.stop()
            self._ingest()
            self._file.unlink(missing_ok=True)
        return self.failures

    def _serve(self) -> None:
        """Serve workers until no block waits or is under way."""
        while self._waiting or any(worker.block for worker in self._crew.workers):
            signals.check()
            self._assign()
            self._listen()
            self._ingest()
            self._writer.publish_due()

    def _again(self) -> bool:
        """Queue the blocks again that lack generations in the store; True if there are any.

        A fragment may have been deleted or damaged between the worker and the database.
        """
        failed = {failure.block.id for failure in self.failures}
        blocks = [block for block in self._plan.blocks if block.id not in failed]
        wanted = {cell: block.last for block in blocks for cell in block.cells}
        short = {one.cell: one for one in self._writer.short(wanted)} if wanted else {}
        for block in blocks:
            lacking = [short[cell] for cell in block.cells if cell in short]
            if not lacking:
                continue
            self._done[block.id] = min(one.done for one in lacking)
            text = f"{gaps(gap for one in lacking for gap in one.missing)} did not reach the store"
            tried = self._gaps[block.id] = self._gaps.get(block.id, 0) + 1
            if tried < _TRIES:
                self._watch(Progress("retry", block, message=text))
                self._waiting.append(block)
            else:
                self.failures.append(Failure(block, f"{text}, although it was run again"))
                self._watch(Progress("failed", block, message=text))
        return bool(self._waiting)

    def _cost(self, block: Block) -> float:
        """The predicted cost of a block; costly ones go first, so that none is left for the end."""
        whole = self._plan.arms[block.arm].cost.block(len(block.seeds))
        return whole * (block.last - block.done) / max(block.last, 1)

    def _assign(self) -> None:
        """Give the waiting blocks to free workers of their backend, and to new ones.

        A free worker makes room for another backend's after as long a time as a start takes: at
        worst this costs twice as much as with foresight.
        """
        crew = self._crew
        for worker in crew.workers:
            if worker.block is None and (block := self._next(worker.backend)):
                self._give(worker, block)
        now = time.monotonic()
        for worker in [worker for worker in crew.workers if worker.block is None]:
            served = {worker.backend for worker in crew.workers}
            lone = any(self._backend(block) not in served for block in self._waiting)
            long = bool(self._waiting) and now - worker.free_since >= _PATIENCE
            if len(crew.workers) >= crew.jobs and (lone or long):
                crew.end(worker)
        while self._waiting and len(crew.workers) < crew.jobs:
            backend = self._wanted()
            block = self._next(backend)
            assert block is not None
            self._watch(Progress("doing", block, message="starting a worker"))
            self._give(crew.start(backend), block)

    def _wanted(self) -> str:
        """The backend with the most work waiting per worker, one more counted in."""
        work: dict[str, float] = {}
        for block in self._waiting:
            backend = self._backend(block)
            work[backend] = work.get(backend, 0.0) + self._cost(block)
        have = [worker.backend for worker in self._crew.workers]
        return max(work, key=lambda backend: work[backend] / (1 + have.count(backend)))

    def _backend(self, block: Block) -> str:
        return self._plan.arms[block.arm].arm.backend

    def _next(self, backend: str) -> Block | None:
        for place, block in enumerate(self._waiting):
            if self._backend(block) == backend:
                return self._waiting.pop(place)
        return None

    def _give(self, worker: Worker, block: Block) -> None:
        worker.give(self._file, block, max(block.done, self._done.get(block.id, -1)))

    def _listen(self) -> None:
        """Take the reports of the workers, for a moment or until one of them is free."""
        deadline = time.monotonic() + _MOMENT
        while (left := deadline - time.monotonic()) > 0:
            busy = self._busy()
            ready = list(self._crew.ready(left))
            for worker in self._crew.gone(ready):
                self._died(worker)
            for worker in ready:
                said = worker.hear()
                if said is None:
                    self._died(worker)
                for event in said or ():
                    self._hear(worker, event)
            if self._busy() < max(busy, 1):
                return

    def _busy(self) -> int:
        return sum(worker.block is not None for worker in self._crew.workers)

    def _ingest(self) -> None:
        for block, generation, _ in self._writer.ingest().committed:
            self._done[block] = max(self._done.get(block, -1), generation)

    def _hear(self, worker: Worker, said: Mapping[str, Any]) -> None:
        block = worker.block
        assert block is not None
        if said["event"] in ("doing", "training"):
            self._watch(Progress(said["event"], block, message=said["what"]))
            return
        if said["event"] == "generation":
            loss = said.get("train_loss")
            self._watch(Progress("generation", block, said["generation"], loss))
            return
        worker.rest()
        if said["event"] == "error":
            failure = Failure(block, said["message"], said["bug"], said.get("trace", ""))
            self.failures.append(failure)
            self._watch(Progress("failed", block, message=failure.message))
        else:
            self._watch(Progress("done", block))

    def _died(self, worker: Worker) -> None:
        code = worker.process.wait()
        block, complaint = worker.block, worker.complaint()
        self._crew.end(worker)
        if block is None:
            return
        tried = self._tries[block.id] = self._tries.get(block.id, 0) + 1
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        text = f"the worker {how}" + (f": {complaint}" if complaint else "")
        if code == -signal.SIGKILL:
            text += "; if memory is short: fewer jobs (-j), seeds or samples"
        if code < 0 and tried < _TRIES:
            self._watch(Progress("retry", block, message=text))
            self._ingest()
            self._waiting.insert(0, block)
        else:
            self.failures.append(Failure(block, text))
            self._watch(Progress("failed", block, message=text))
