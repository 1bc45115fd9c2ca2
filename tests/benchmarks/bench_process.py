"""Processor time of whole commands on a small question, as ratios to importing what they need.

``python -m tests.benchmarks.bench_process``. The question: a Gaussian on NumPy, 100 seeds x 100
generations, one claim. Each command is a process of its own, one worker, and the unit is ``python
-c "import numpy, duckdb, polars, pydantic, typer"``; validation has the unit of its own goal,
``import numpy, pydantic, typer, yaml``. Time is that of the processor, user and system, of the
process and of all that it has waited for, its workers among them: a busy machine stretches both
sides of a ratio, not the one alone. Every command runs once unmeasured, so that its bytecode is
there (kept in a folder of this benchmark, as an installer would have written it), then in turns;
the smallest of the rounds is printed, and the ratio is that of the smallest. A first run has an
empty store and no report of an earlier one in the cache; the others have the store of a first run.

Then the time of a worker by parts on every backend, the second time with its programs compiled,
and what durability costs per committed generation of a block.
"""

# ruff: noqa: E402
from __future__ import annotations

from tests.benchmarks.clock import one_thread

one_thread()

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from recurse.backend import backends
from recurse.store.staging import Fragment, write_fragment

ROUNDS = 3
RECURSE = str(Path(sys.executable).with_name("recurse"))
SPEC: dict[str, Any] = {
    "version": 1,
    "name": "small-question",
    "source": {"kind": "gaussian", "dim": 3},
    "model": "gaussian",
    "policy": "accumulate",
    "samples": {"real": 50, "synthetic": 50},
    "generations": 100,
    "seeds": 100,
    "backend": "numpy",
    "metrics": ["mean_error", "variance_ratio"],
    "claims": [{"kind": "matches_theory", "metric": "mean_error"}],
}
STAGES = """
import time; t0 = time.process_time()
from recurse.engines import worker; t1 = time.process_time()
from recurse.backend import backends
started = backends()[{backend!r}].start(); t2 = time.process_time()
import json
from tests.harness import simulate
from recurse.scenario.scenario import load
arm = load(json.loads({spec!r})).arms[0].arm; t3 = time.process_time()
simulate(arm, 100); t4 = time.process_time()
simulate(arm, 100); t5 = time.process_time()
print("  import %.2f  start backend %.2f  read spec %.2f  first run %.2f  again %.2f" % (
    t1 - t0, t2 - t1, t3 - t2, t4 - t3, t5 - t4))
"""


UNITS = {
    "five imports": "import numpy, duckdb, polars, pydantic, typer",
    "four imports": "import numpy, pydantic, typer, yaml",
}
COMMANDS: dict[str, tuple[str, str, float]] = {
    "first run": ("run small.json --store {new} -j 1", "five imports", 4.0),
    "cached rerun": ("run small.json --store {kept} -j 1", "five imports", 2.0),
    "report": ("report small-question --store {kept}", "five imports", 2.0),
    "validate one": ("validate small.json", "four imports", 2.0),
    "validate all": ("validate specs", "four imports", 4.0),
}
"""Name -> what follows ``recurse``, its unit, and the goal for the ratio to it."""


def processor(command: list[str], folder: Path) -> float:
    """Processor seconds of a command and of the processes that it has waited for."""
    environment = {
        **os.environ,
        "RECURSE_CACHE_DIR": str(folder / "cache"),
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    before = sum(os.times()[2:4])
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return sum(os.times()[2:4]) - before


def one_round(folder: Path) -> dict[str, float]:
    """Every unit and every command once."""
    stores = {"new": tempfile.mkdtemp(dir=folder), "kept": str(folder / "kept")}
    found = {name: processor([sys.executable, "-c", text], folder) for name, text in UNITS.items()}
    for name, (text, _, _) in COMMANDS.items():
        found[name] = processor([RECURSE, *text.format(**stores).split()], folder)
    return found


def ratios(folder: Path) -> None:
    """Print the table; the smallest of the rounds."""
    (folder / "small.json").write_text(json.dumps(SPEC), encoding="utf-8")
    (folder / "specs").symlink_to(Path(__file__).parents[2] / "specs")
    one_round(folder)
    rounds = [one_round(folder) for _ in range(ROUNDS)]
    best = {name: min(each[name] for each in rounds) for name in rounds[0]}
    for name in UNITS:
        print(f"{name:14}{best[name]:>8.2f} s")
    for name, (_, unit, goal) in COMMANDS.items():
        print(f"{name:14}{best[name]:>8.2f} s{best[name] / best[unit]:>7.2f}x  (goal {goal:g}x)")


def stages(backend: str, folder: Path) -> None:
    """Print the parts of a worker's time, with and without compiled programs."""
    code = STAGES.format(backend=backend, spec=json.dumps({**SPEC, "backend": backend}))
    environment = {**os.environ, "RECURSE_CACHE_DIR": str(folder / f"cache-{backend}")}
    for kept in ("cold", "kept"):
        print(f"{backend}, {kept} programs:", flush=True)
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)


def durability(folder: Path) -> tuple[float, float]:
    """Milliseconds to stage one generation of 100 cells: the median, and the worst of 200."""
    cells, values = tuple(f"{i:032x}" for i in range(100)), np.zeros((100, 2))
    spent = []
    for generation in range(200):
        fragment = Fragment("run", "block", generation, cells, ("a", "b"), values)
        began = perf_counter()
        write_fragment(folder / "stage", fragment)
        spent.append(1e3 * (perf_counter() - began))
    return statistics.median(spent), max(spent)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ratios(folder)
        for backend in backends():
            stages(backend, folder)
        median, worst = durability(folder)
        print(f"durability: {median:.2f} ms per committed generation (worst {worst:.1f})")


if __name__ == "__main__":
    main()
