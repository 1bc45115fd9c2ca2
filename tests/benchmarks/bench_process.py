"""The whole process of ``recurse run``: 100 seeds x 100 generations, closed form. The goal is 5 s.

``python -m tests.benchmarks.bench_process``; import, plan, compile, store and claims, from a cold
process with an empty store, one worker. The second run of a backend finds its programs compiled.
Then the time of a worker by parts, and what durability costs per committed generation of a block.
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
import time; t0 = time.perf_counter()
from recurse.engines import worker; t1 = time.perf_counter()
from recurse.backend import backends
started = backends()[{backend!r}].start(); t2 = time.perf_counter()
import json
from tests.harness import simulate
from recurse.scenario.scenario import load
arm = load(json.loads({spec!r})).arms[0].arm; t3 = time.perf_counter()
simulate(arm, 100); t4 = time.perf_counter()
simulate(arm, 100); t5 = time.perf_counter()
print("  import %.2f  start backend %.2f  read spec %.2f  first run %.2f  again %.2f" % (
    t1 - t0, t2 - t1, t3 - t2, t4 - t3, t5 - t4))
"""


def whole(backend: str, folder: Path, cache: Path) -> str:
    """Seconds on the wall, and of processor time, which a busy machine does not stretch as much."""
    spec = folder / "small.json"
    spec.write_text(json.dumps({**SPEC, "backend": backend}), encoding="utf-8")
    store = tempfile.mkdtemp(dir=folder)
    command = [RECURSE, "run", str(spec), "--store", store, "-j", "1"]
    began, before = perf_counter(), sum(os.times()[2:4])
    environment = {**os.environ, "RECURSE_CACHE_DIR": str(cache)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    spent, computed = perf_counter() - began, sum(os.times()[2:4]) - before
    if done.returncode:
        raise RuntimeError(done.stderr)
    return f"{spent:.2f} s (processor {computed:.2f} s)"


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
        for backend in backends():
            cache = folder / f"cache-{backend}"
            first, second = (whole(backend, folder, cache) for _ in range(2))
            print(f"{backend}: first {first}, again {second}", flush=True)
            code = STAGES.format(backend=backend, spec=json.dumps({**SPEC, "backend": backend}))
            environment = {**os.environ, "RECURSE_CACHE_DIR": str(cache)}
            subprocess.run([sys.executable, "-c", code], env=environment, check=True)
        median, worst = durability(folder)
        print(f"durability: {median:.2f} ms per committed generation (worst {worst:.1f})")


if __name__ == "__main__":
    main()
