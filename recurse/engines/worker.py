"""A worker process: runs the blocks that it is given on one backend, reports in JSON lines.

Started as ``python -m recurse.engines.worker FD`` by `recurse.engines.crew.launch`; every line of
its input names the file of a frozen plan, a block of the plan, the block's last committed
generation, and the process that asks. The worker reads the plan, never YAML, and writes fragments
and checkpoints into the plan's folder, never the database.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from recurse.backend import Runtime, backends
from recurse.engines.block import Orphaned, Task, execute
from recurse.reading.problems import RecurseError
from recurse.scenario.blame import blame, foreign
from recurse.scenario.scenario import Arm

Say = Callable[[Mapping[str, Any]], None]
_LOOK = 0.5  # seconds between two looks at who the parent is


def main(descriptor: int) -> None:
    """Serve until standard input ends; reports go to ``descriptor``."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator decides
    os.set_inheritable(descriptor, False)
    out = os.fdopen(descriptor, "w")
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()

    def say(event: Mapping[str, Any]) -> None:
        print(json.dumps(event), file=out, flush=True)

    for line in sys.stdin:
        asked = json.loads(line)
        try:
            _serve(asked, say)
        except Orphaned:
            return


def _end_with(parent: int) -> None:
    """End this process soon after its parent has ended, also in the middle of a generation."""
    while os.getppid() == parent:
        time.sleep(_LOOK)
    os._exit(0)


@lru_cache(maxsize=1)
def _frozen(plan: Path) -> dict[str, Any]:
    """The plan with its blocks by id; runs are numbered, so that a file never changes."""
    found: dict[str, Any] = json.loads(plan.read_text(encoding="utf-8"))
    return {**found, "blocks": {block["id"]: block for block in found["blocks"]}}


def _serve(asked: Mapping[str, Any], say: Say) -> None:
    """Run one block, and report its end."""
    arm: Arm | None = None
    try:
        frozen = _frozen(Path(asked["plan"]))
        block = {**frozen["blocks"][asked["block"]], "done": asked["done"]}
        data = json.dumps(frozen["arms"][block["arm"]]["arm"])
        arm = Arm.model_validate_json(data, by_alias=True)
        _run(_task(frozen, block, arm, asked["coordinator"]), Path(asked["plan"]).parent, say)
    except Orphaned:
        raise
    except Exception as error:
        say({"event": "error", "block": asked["block"], **_explain(error, arm)})
    else:
        say({"event": "done", "block": asked["block"]})


def _task(frozen: Mapping[str, Any], block: Mapping[str, Any], arm: Arm, coordinator: int) -> Task:
    return Task(
        run=frozen["run"],
        block=block["id"],
        arm=arm,
        seeds=tuple(block["seeds"]),
        cells=tuple(block["cells"]),
        exact=block["lowering"] == "statistics",
        done=block["done"],
        last=block["last"],
        every=frozen["every"],
        coordinator=coordinator,
    )


def _run(task: Task, store: Path, say: Say) -> None:
    def report(generation: int, trained: Mapping[str, float]) -> None:
        say({"event": "generation", "block": task.block, "generation": generation, **trained})

    def doing(what: str) -> None:
        say({"event": "doing", "block": task.block, "what": what})

    def training(what: str) -> None:
        say({"event": "training", "block": task.block, "what": what})

    backend = backends()[task.arm.backend]
    doing(f"importing {(backend.requires or (backend.name,))[0]}")
    runtime = _start(backend.name)
    if task.arm.source.digest():
        doing("reading data")
        task.arm.source.available()  # reads them, and keeps them for the draws
    # Programs are compiled when they are first called, which is in the first generation.
    doing("compiling, first generation" if backend.compiles else "first generation")
    execute(task, backend, runtime, store, report, training)


@cache
def _start(name: str) -> Runtime:
    return backends()[name].start()


def _explain(error: Exception, arm: Arm | None) -> dict[str, Any]:
    """An error in one line, and True if the fault is recurse's own."""
    if isinstance(error, RecurseError):
        return {"message": str(error), "bug": False}
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        text = "the disk is full; free some space and run again, nothing stored is lost"
        return {"message": text, "bug": False}
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        text = "out of memory; use fewer seeds or samples, or fewer jobs (-j)"
        return {"message": text, "bug": False}
    text, culprit = f"{type(error).__name__}: {error}", blame(error, arm) if arm else None
    suspects = [f"{kind} of {by}" for kind, by in (foreign(arm) if arm else {}).items()]
    if culprit:
        text = culprit.text
    elif suspects:
        text = f"{text}; this may be a fault of {' or '.join(suspects)}"
    return {"message": text, "bug": not suspects, "trace": traceback.format_exc()}


if __name__ == "__main__":
    main(int(sys.argv[1]))
    os._exit(0)  # all that matters is on disk; unloading a framework takes a third of a second
