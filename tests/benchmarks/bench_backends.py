"""Where the backends differ: dispatch, throughput, first use and programs kept on disk.

``python -m tests.benchmarks.bench_backends [ARM ...]``. Seconds are those of the processor, so that
a busy machine bends them little; every pair of arm and backend runs in a process of its own with an
empty cache of programs. "Alone" is a generation of one replicate: what calls cost. "Each" is a
replicate and generation at the best width tried. "First use" is what the first two generations
take more than two later ones, at the widest: importing not included, compiling included.

Two shared cores, one thread each, numpy 2, torch 2.13 (CPU), jax 0.10; microseconds, seconds, kB:

    arm                  alone              each at the best width   first use     kept by
                         numpy torch  jax   numpy  torch    jax      torch   jax   jax
    gaussian d=10          185   366   314    3.4    4.8    3.4        0.1    0.8    110
    linear d=10             82   237   212    0.3    0.5    1.2        0.1    0.5     80
    linear d=100            77   204   320    7.0     18    8.8        0.1    0.6     80
    categorical K=1000     119   277   332     47     42     45        0.1    0.4     70
    kde                    784  1537  1285    563    481    205        0.0    1.2    190
    gmm k=25, n=500       6734  8635  3713   2265   3023   1332        0.0    5.6    620
    vae, 1000 digits         -  241k  113k      -   154k   110k        0.0    6.9    400
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from time import process_time
from typing import Any

from recurse.backend import backends
from recurse.engines.block import Task, operations
from recurse.engines.local import environment
from recurse.loop import Outcome, State, run
from recurse.planning.planner import plan
from recurse.scenario.scenario import load

GENERATIONS = 7
ALL = ("numpy", "torch", "jax")
GRID = {"kind": "mixture", "form": "grid", "scale": 2.0, "deviation": 0.1}
ZIPF = {"kind": "categorical", "form": "zipf_mandelbrot", "symbols": 1000, "exponent": 1.0}
VAE = {"kind": "vae", "hidden": [128], "latent": 8, "epochs": 40, "batch": 64}
ARMS: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "gaussian d=10, accumulate": (
        {
            "source": {"kind": "gaussian", "dim": 10},
            "model": "gaussian",
            "policy": "accumulate",
            "metrics": ["mean_error", "variance_ratio"],
        },
        (1, 64, 1024),
    ),
    "linear d=10, accumulate": (
        {
            "source": {"kind": "linear_regression", "dim": 10, "design": "reused"},
            "model": "linear",
            "policy": "accumulate",
            "metrics": ["excess_risk"],
        },
        (1, 64, 1024),
    ),
    "linear d=100, accumulate": (
        {
            "source": {"kind": "linear_regression", "dim": 100},
            "model": "linear",
            "policy": "accumulate",
            "samples": {"real": 1000, "synthetic": 1000},
            "metrics": ["excess_risk"],
        },
        (1, 16, 256),
    ),
    "categorical K=1000": (
        {
            "source": {**ZIPF, "shift": 2.7},
            "model": "categorical",
            "samples": {"real": 1000, "synthetic": 1000},
            "metrics": ["missing_mass"],
        },
        (1, 64, 1024),
    ),
    "kde, accumulate": (
        {
            "source": {"kind": "moons", "noise": 0.05},
            "model": {"kind": "kde", "bandwidth": 0.1},
            "policy": "accumulate",
            "metrics": [{"kind": "test_nll", "heldout": 500}, "second_moment"],
        },
        (1, 16, 64),
    ),
    "gmm k=25, n=500": (
        {
            "source": GRID,
            "model": {"kind": "gmm", "components": 25, "iterations": 30},
            "samples": {"real": 500, "synthetic": 500},
            "metrics": [{"kind": "mode_coverage", "samples": 1000}, "second_moment"],
        },
        (1, 16),
    ),
    "vae, 1000 digits": (
        {
            "source": "digits",
            "model": {**VAE, "learning_rate": 0.002},
            "samples": {"real": 1000, "synthetic": 1000},
            "metrics": ["elbo"],
        },
        (1, 4),
    ),
}


def measure(name: str, backend: str) -> dict[str, float]:
    """The figures of one arm on one backend, in this process."""
    spec, widths = ARMS[name]
    usual = {"version": 1, "name": "bench", "generations": GENERATIONS, "policy": "replace"}
    counts = {"samples": {"real": 100, "synthetic": 100}, "seeds": 1, "backend": backend}
    (arm,) = plan(load({**usual, **counts, **spec})).arms
    runtime = backends()[backend].start()
    found: dict[str, float] = {}
    each = []
    for width in widths:
        stamps = [process_time()]

        def commit(outcome: Outcome, state: State, stamps: list[float] = stamps) -> None:
            stamps.append(process_time())

        seeds = tuple(range(width))
        exact = arm.lowering == "statistics"
        task = Task("r", "b", arm.arm, seeds, (), exact, -1, GENERATIONS, 0.0)
        ops = operations(task, backends()[backend], runtime)
        run(ops, arm.arm.schedule, GENERATIONS, State(), commit)
        spent = [after - before for before, after in pairwise(stamps)]
        usual_time = min(spent[2:])
        each.append(usual_time / width)
        found.setdefault("alone", usual_time)
        found["first"] = max(spent[0] + spent[1] - 2 * usual_time, 0.0)
    best = min(each)
    kept = sum(p.stat().st_size for p in Path(os.environ["RECURSE_CACHE_DIR"]).rglob("*-cache"))
    return {**found, "each": best, "width": widths[each.index(best)], "cache": float(kept)}


def main(names: list[str]) -> None:
    head = f"{'arm':28}{'backend':9}{'alone us':>10}{'each us':>10}{'at':>6}"
    print(head + f"{'first use s':>13}{'cache MB':>10}")
    for name in names or ARMS:
        for backend in ALL:
            if backend == "numpy" and name.startswith("vae"):
                continue
            with tempfile.TemporaryDirectory() as folder:
                done = subprocess.run(
                    [sys.executable, "-m", __spec__.name, "--one", name, backend],
                    env={**environment(), "RECURSE_CACHE_DIR": folder},
                    stdout=subprocess.PIPE,
                    check=True,
                )
            m = json.loads(done.stdout)
            line = f"{name:28}{backend:9}{m['alone'] * 1e6:>10.0f}{m['each'] * 1e6:>10.2f}"
            print(f"{line}{m['width']:>6}{m['first']:>13.2f}{m['cache'] / 1e6:>10.2f}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(*sys.argv[2:])))
    else:
        main(sys.argv[1:])
