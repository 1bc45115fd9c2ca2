"""A worker process: runs the blocks that it is told to on one backend, reports in JSON lines.

Started as ``python -m recurse.engines.worker``; every line of its input names the file of a frozen
plan, a block of it, the last generation committed of that, and the process that asks. It reads the
plan, never YAML, and writes fragments and checkpoints into the plan's folder, never the database.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from recurse.backend import Backend, Runtime, backends
from recurse.engines.block import Orphaned, Task, execute
from recurse.reading.problems import RecurseError
from recurse.scenario.scenario import Arm

_OUT = sys.stdout


def main() -> None:
    """Serve until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator decides
    sys.stdout = sys.stderr  # libraries may print; the reports must stay clean
    for line in sys.stdin:
        asked = json.loads(line)
        plan = Path(asked["plan"])
        try:
            frozen = _frozen(plan)
            block = {**frozen["blocks"][asked["block"]], "done": asked["done"]}
            _serve(frozen, block, plan.parent, asked["coordinator"])
        except Orphaned:
            return
        except Exception as error:
            _emit({"event": "error", "block": asked["block"], **_explain(error)})
        else:
            _emit({"event": "done", "block": asked["block"]})


@lru_cache(maxsize=1)
def _frozen(plan: Path) -> dict[str, Any]:
    """The plan with its blocks by id; runs are numbered, so that a file never changes."""
    found: dict[str, Any] = json.loads(plan.read_text(encoding="utf-8"))
    return {**found, "blocks": {block["id"]: block for block in found["blocks"]}}


def _serve(
    frozen: Mapping[str, Any], block: Mapping[str, Any], store: Path, coordinator: int
) -> None:
    arm = Arm.model_validate_json(json.dumps(frozen["arms"][block["arm"]]["arm"]), by_alias=True)
    task = Task(
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
    backend = backends()[arm.backend]

    def report(generation: int, trained: Mapping[str, float]) -> None:
        _emit({"event": "generation", "block": task.block, "generation": generation, **trained})

    execute(task, backend, _runtime(backend), store, report)


@cache
def _start(name: str) -> Runtime:
    return backends()[name].start()


def _runtime(backend: Backend) -> Runtime:
    return _start(backend.name)


def _explain(error: Exception) -> dict[str, Any]:
    """What went wrong in one line; ``bug`` says that it is nobody's fault but ours."""
    if isinstance(error, RecurseError):
        return {"message": str(error), "bug": False}
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        text = "the disk is full; free some space and run again, nothing stored is lost"
        return {"message": text, "bug": False}
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        text = "out of memory; use fewer seeds or samples, or fewer jobs (-j)"
        return {"message": text, "bug": False}
    return {
        "message": f"{type(error).__name__}: {error}",
        "bug": True,
        "trace": traceback.format_exc(),
    }


def _emit(event: Mapping[str, Any]) -> None:
    print(json.dumps(event), file=_OUT, flush=True)


if __name__ == "__main__":
    main()
    os._exit(0)  # all that matters is on disk; unloading a framework takes a third of a second
