"""The measured cost of an arm at several widths, in a worker process of its own.

Started as ``python -m recurse.engines.probe FD FOLDER`` by `recurse.engines.crew.launch`: one JSON
object on standard input names the arm and the widths, a line of JSON on FD gives the cost of each.
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

from recurse.backend import Backend, Runtime, backends
from recurse.engines.block import Task, execute
from recurse.engines.crew import launch
from recurse.planning.widths import GENERATIONS, Measured
from recurse.reading.problems import RecurseError
from recurse.scenario.scenario import Arm

_FEWEST = 3  # generations 0 to 2; the last is timed
_BRIEF, _TRIES = 0.5, 5  # a program that takes less than these seconds is run up to so often
_LONG = 60.0  # seconds beside compiling: from then on fewer generations do, and no wider width


def probe(arm: Arm, exact: bool, widths: Sequence[int], store: Path) -> Iterator[Measured]:
    """The costs of the widths, narrow ones first; wider ones are left out once the time is up.

    Compiled programs of earlier runs are not used, so that compiling is measured as well; results
    are written to the disk of the store, and thrown away.

    Raises:
        RecurseError: the worker failed.
    """
    asked = json.dumps({"arm": arm.data(), "exact": exact, "widths": list(widths)})
    with (
        tempfile.TemporaryDirectory(prefix="probe-", dir=store) as folder,
        tempfile.TemporaryFile() as complaints,
    ):
        cache = {"RECURSE_CACHE_DIR": folder}
        process, said = launch("recurse.engines.probe", (folder,), complaints, **cache)
        assert process.stdin is not None
        try:
            process.stdin.write(asked.encode())
            process.stdin.close()
            for line in said:
                yield Measured(**json.loads(line))
            code = process.wait()
        finally:
            process.kill()  # harmless where it has ended
            process.wait()
            said.close()
        if code:
            complaints.seek(0)
            lines = complaints.read().decode(errors="replace").strip().splitlines()
            why = f": {lines[-1]}" if lines else ""
            raise RecurseError(f"the worker that measures ended with code {code}{why}")


def measure(
    arm: Arm, exact: bool, width: int, backend: Backend, runtime: Runtime, folder: Path
) -> Measured:
    """A few generations at one width, run and written as those of a block are."""
    last = min(arm.generations, GENERATIONS)
    held, compiled = _resident(), runtime.compile_seconds()
    stamps: list[float] = []

    def report(generation: int, trained: Mapping[str, float]) -> None:
        stamps.append(time.perf_counter() - runtime.compile_seconds())
        if len(stamps) > _FEWEST and stamps[-1] - stamps[0] > _LONG:
            raise _EnoughError

    seeds = tuple(range(width))
    cells = tuple(f"probe{seed}" for seed in seeds)
    best, began = math.inf, time.perf_counter()
    for attempt in range(_TRIES):
        name = f"probe{width}-{attempt}"
        stamps[:] = [time.perf_counter() - runtime.compile_seconds()]
        task = Task("probe", name, arm, seeds, cells, exact, -1, last, math.inf)
        with suppress(_EnoughError):
            execute(task, backend, runtime, folder, report)
        seconds = [after - before for before, after in pairwise(stamps)]
        best = min(best, *(seconds[2:-1] or seconds[-1:]))
        if time.perf_counter() - began > _BRIEF:
            break
    return Measured(
        width=width,
        seconds=max(best, 1e-9) / width,
        compile_seconds=runtime.compile_seconds() - compiled,
        bytes=max(_resident() - held, 0),
    )


class _EnoughError(Exception):
    """The requested generations have been measured."""


def _resident() -> int:
    """The most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(descriptor: int, folder: str) -> None:
    """Serve the request on standard input; the measurements go to ``descriptor``."""
    os.set_inheritable(descriptor, False)
    out = os.fdopen(descriptor, "w")
    asked: dict[str, Any] = json.loads(sys.stdin.read())
    arm = Arm.model_validate_json(json.dumps(asked["arm"]), by_alias=True)
    backend = backends()[arm.backend]
    runtime = backend.start()
    for width in asked["widths"]:
        found = measure(arm, asked["exact"], width, backend, runtime, Path(folder))
        print(json.dumps(found._asdict()), file=out, flush=True)
        if found.seconds * width * GENERATIONS > _LONG:
            return


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
    os._exit(0)
