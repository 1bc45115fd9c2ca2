"""Estimated and measured time of every shipped spec, arm by arm; the goal is a factor of two.

``python -m tests.benchmarks.bench_estimate [--most SECONDS] [--arms] [SPEC ...]``, all shipped
specs by default. Both figures are processor time of one worker for one block of each arm, run and
written to disk as in a run. The block first runs two generations, so that importing and compiling
are not counted, as the estimate does not count them either. An arm stops once it has had its share
of ``--most`` seconds per spec; it is then compared with the estimate for as many generations. A
spec's ratio is that of the sums over its arms, a block weighed by how many like it the spec has.
``--arms`` prints every arm. Every spec has a process of its own, one thread.
"""

# ruff: noqa: E402
from __future__ import annotations

from tests.benchmarks.clock import one_thread

one_thread()

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import process_time
from typing import Any

from recurse.backend import backends
from recurse.engines.block import Task, execute
from recurse.engines.crew import environment
from recurse.planning.blocks import Block
from recurse.planning.estimate import estimate
from recurse.planning.plan import Plan
from recurse.planning.planner import plan
from recurse.scenario.scenario import load
from recurse.scenario.shipped import resolve

_EVERY = 2.0  # seconds between checkpoints, as in a run


class _EnoughError(Exception):
    """The share of time is used up."""


def measured(made: Plan, block: Block, most: float) -> dict[str, Any]:
    """Estimate and measurement of one block of a plan, in seconds for all blocks like it."""
    arm, exact = made.arms[block.arm].arm, block.lowering == "statistics"
    backend = backends()[arm.backend]
    runtime = backend.start()
    state = {"begun": 0.0, "compiled": 0.0, "spent": 0.0, "last": 0}

    def report(generation: int, trained: Mapping[str, float]) -> None:
        compiled = runtime.compile_seconds() - state["compiled"]
        state["spent"], state["last"] = process_time() - state["begun"] - compiled, generation
        if state["spent"] > most:
            raise _EnoughError

    def once(last: int, name: str, store: Path) -> None:
        task = Task("r", name, arm, block.seeds, block.cells, exact, -1, last, _EVERY)
        state["begun"], state["compiled"] = process_time(), runtime.compile_seconds()
        try:
            execute(task, backend, runtime, store, report)
        except _EnoughError:
            pass

    with tempfile.TemporaryDirectory() as folder:
        once(min(2, block.last), "warm", Path(folder))
        once(block.last, "timed", Path(folder))
    ran = int(state["last"])
    short = arm.model_copy(update={"generations": ran})
    said = estimate(short, exact).block(len(block.seeds))
    alike = sum(other.arm == block.arm for other in made.blocks)
    label = f"{made.arms[block.arm].label} on {arm.backend}, {len(block.seeds)} x {ran}"
    took = {"arm": block.arm, "ran": ran, "alike": alike, "spent": state["spent"]}
    return {"label": label, "said": alike * said, "took": alike * state["spent"], **took}


def one(name: str, most: float) -> list[dict[str, Any]]:
    """The arms of a spec, each by its first block, in this process."""
    made = plan(load(resolve([name])[0]))
    first = {block.arm: block for block in reversed(made.blocks)}
    return [measured(made, block, most / len(first)) for block in first.values()]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("specs", nargs="*", default=["specs"])
    parser.add_argument("--most", type=float, default=60.0)
    parser.add_argument("--arms", action="store_true")
    parser.add_argument("--one", action="store_true", help="print one spec as JSON")
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(one(asked.specs[0], asked.most)))
        return
    wrong = []
    print(f"{'spec':32}{'said s':>10}{'took s':>10}{'took/said':>11}")
    for path in resolve(asked.specs):
        command = [sys.executable, "-m", __spec__.name, "--one", f"--most={asked.most}", str(path)]
        done = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, check=True)
        arms = json.loads(done.stdout)
        said, took = (sum(arm[key] for arm in arms) for key in ("said", "took"))
        print(f"{path.stem:32}{said:>10.2f}{took:>10.2f}{took / said:>11.2f}", flush=True)
        wrong += [path.stem] if not 0.5 <= took / said <= 2.0 else []
        for arm in arms if asked.arms else ():
            ratio = arm["took"] / arm["said"]
            print(f"    {arm['said']:>9.3f}{arm['took']:>9.3f}{ratio:>7.2f}  {arm['label']}")
    print(f"beyond a factor of two: {', '.join(wrong) or 'none'}")


if __name__ == "__main__":
    main()
