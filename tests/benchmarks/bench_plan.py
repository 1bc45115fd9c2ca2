"""Planning 10 000 cells: 100 arms of 100 generations, 100 seeds each. The goal is 2 s.

``python -m tests.benchmarks.bench_plan``; prints what the time goes to.
"""

from __future__ import annotations

import cProfile
import pstats
from time import perf_counter
from typing import Any

from recurse.planning.blocks import History, Known
from recurse.planning.planner import plan
from recurse.scenario.scenario import load

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


def main() -> None:
    began = perf_counter()
    scenario = load(SPEC)
    loaded = perf_counter()
    made = plan(scenario)
    new = perf_counter()
    block = {cell: b.id for b in made.blocks for cell in b.cells}
    stored = History({cell.id: Known(block[cell.id], 100) for cell in made.cells}, {})
    again = perf_counter()
    plan(scenario, stored)
    cached = perf_counter()
    print(f"{len(made.cells)} cells in {len(made.arms)} arms, {len(made.blocks)} blocks")
    print(f"load {loaded - began:.2f} s, plan {new - loaded:.2f} s, stored {cached - again:.2f} s")
    profile = cProfile.Profile()
    profile.runcall(lambda: plan(load({**SPEC, "name": "again"})))
    pstats.Stats(profile).sort_stats("cumulative").print_stats(18)


if __name__ == "__main__":
    main()
