"""The processor time of validating and planning.

``python -m tests.benchmarks.bench_plan``. First whole processes of ``recurse validate``, as ratios
to one that imports numpy, pydantic, typer and yaml (goals: one spec 2x, all shipped ones 4x, with
the compiled files of Python in place). Then 10 000 cells: 100 arms of 100 generations, 100 seeds
each, validated and planned. Then one arm of 100 000 generations (goal 2 s). Last, a profile of
planning.
"""

from __future__ import annotations

import cProfile
import os
import pstats
import subprocess
import sys
import tempfile
from pathlib import Path
from time import process_time
from typing import Any

from recurse.bundled import folder
from recurse.planning.blocks import History, Known
from recurse.planning.planner import check, plan
from recurse.scenario.scenario import load

RECURSE = str(Path(sys.executable).with_name("recurse"))
PROCESSES = {
    "import": [sys.executable, "-c", "import numpy, pydantic, typer, yaml"],
    "one spec": [RECURSE, "validate", str(folder() / "quickstart.yaml")],
    "all shipped": [RECURSE, "validate", str(folder())],
}
ROUNDS = 4

SPEC: dict[str, Any] = {
    "version": 1,
    "name": "ten-thousand-cells",
    "source": {"kind": "gaussian", "dim": 3},
    "model": "gaussian",
    "generations": 100,
    "seeds": 100,
    "backend": "numpy",
    "metrics": ["mean_error", "variance_ratio"],
    "matrix": {
        "policy": [
            "replace",
            "accumulate",
            {"kind": "accumulate", "age": "linear"},
            "accumulate_subsample",
            {"kind": "window", "size": 5},
        ],
        "model.estimator": ["mle", "unbiased"],
        "samples": [{"real": n, "synthetic": n} for n in range(20, 120, 10)],
    },
    "claims": [{"kind": "matches_theory", "metric": "mean_error"}],
}


def spent(command: list[str], environment: dict[str, str]) -> float:
    """Processor seconds of a process and its children."""
    before = sum(os.times()[2:4])
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return sum(os.times()[2:4]) - before


def processes() -> None:
    """Whole processes: the least of some rounds, the first of which compiles the files."""
    with tempfile.TemporaryDirectory() as compiled:
        own = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        own["PYTHONPYCACHEPREFIX"] = compiled
        rounds = [{n: spent(c, own) for n, c in PROCESSES.items()} for _ in range(ROUNDS)]
    least = {name: min(each[name] for each in rounds[1:]) for name in PROCESSES}
    for name, seconds in least.items():
        print(f"{name:12s} {seconds:5.2f} s  {seconds / least['import']:5.1f}x the import")


def cells() -> None:
    """Ten thousand cells, new and then stored."""
    began = process_time()
    scenario = load(SPEC)
    loaded = process_time()
    check(scenario)
    checked = process_time()
    made = plan(scenario)
    new = process_time()
    block = {cell: b.id for b in made.blocks for cell in b.cells}
    stored = History({cell.id: Known(block[cell.id], 100) for cell in made.cells}, {})
    again = process_time()
    plan(scenario, stored)
    cached = process_time()
    each = 1e3 / len(made.arms)
    print(f"{len(made.cells)} cells in {len(made.arms)} arms, {len(made.blocks)} blocks, per arm:")
    print(f"  load {each * (loaded - began):.1f} ms, check {each * (checked - loaded):.1f} ms,")
    print(f"  plan {each * (new - checked):.1f} ms, stored {each * (cached - again):.1f} ms")


def long() -> None:
    """One arm of as many generations as a spec may have."""
    for policy in ("replace", "accumulate"):
        fields = {"generations": 100_000, "seeds": 10, "matrix": {"policy": [policy]}}
        spec = {**SPEC, "samples": {"real": 50, "synthetic": 50}, **fields}
        began = process_time()
        check(load(spec))
        print(f"100 000 generations of {policy}: {process_time() - began:.1f} s")


def main() -> None:
    processes()
    cells()
    long()
    profile = cProfile.Profile()
    profile.runcall(lambda: plan(load({**SPEC, "name": "again"})))
    pstats.Stats(profile).sort_stats("cumulative").print_stats(18)


if __name__ == "__main__":
    main()
