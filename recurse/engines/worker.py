"""A worker process: runs the blocks that it is told to on one backend, reports in JSON lines.

Started as ``python -m recurse.engines.worker STORE PLAN``; every line of its input is a block and
the last generation committed of it. It reads the frozen plan, never YAML, and writes fragments and
checkpoints, never the database.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from recurse.backend import Backend, Runtime, backends
from recurse.engines.block import Orphaned, Task, execute
from recurse.problems import RecurseError
from recurse.scenario import Arm

_OUT = sys.stdout


def main(store: str, plan: str) -> None:
    """Serve until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator decides
    sys.stdout = sys.stderr  # libraries may print; the reports must stay clean
    frozen = json.loads(Path(plan).read_text(encoding="utf-8"))
    blocks = {block["id"]: block for block in frozen["blocks"]}
    for line in sys.stdin:
        name, done = line.split()
        block = {**blocks[name], "done": int(done)}
        try:
            _serve(frozen, block, Path(store))
        except Orphaned:
            return
        except Exception as error:
            _emit({"event": "error", "block": block["id"], **_explain(error)})
        else:
            _emit({"event": "done", "block": block["id"]})


def _serve(frozen: Mapping[str, Any], block: Mapping[str, Any], store: Path) -> None:
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
    main(sys.argv[1], sys.argv[2])
    os._exit(0)  # all that matters is on disk; unloading a framework takes a third of a second
