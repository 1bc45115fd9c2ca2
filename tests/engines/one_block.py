"""The first block of a plan in a process of its own, to be killed: STORE SPEC."""

from __future__ import annotations

import sys
from pathlib import Path

from recurse.backend import backends
from recurse.engines import block
from recurse.engines.block import Task
from recurse.planning.planner import plan


def task(spec: object, done: int = -1) -> Task:
    """The first block of a plan; every call of a trainer is kept."""
    made = plan(spec)  # type: ignore[arg-type]
    first = made.blocks[0]
    arm = made.arms[first.arm].arm
    return Task("run", first.id, arm, first.seeds, first.cells, False, done, first.last, 0.0)


def execute(job: Task, store: Path) -> None:
    """Run it in this process."""
    backend = backends()[job.arm.backend]
    block.execute(job, backend, backend.start(), store, lambda generation, trained: None)


if __name__ == "__main__":
    execute(task(sys.argv[2]), Path(sys.argv[1]))
