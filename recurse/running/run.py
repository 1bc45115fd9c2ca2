"""From a scenario to stored, judged results: the work of `recurse run`, callable from Python."""

from __future__ import annotations

import signal
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from recurse.engines.crew import Crew
from recurse.engines.local import LocalEngine, Watch
from recurse.planning.blocks import History, Known
from recurse.planning.plan import Plan
from recurse.planning.planner import plan, require
from recurse.planning.widths import Key, Measured
from recurse.running.outcome import Result, judged
from recurse.running.record import begin
from recurse.running.standing import standing
from recurse.scenario.scenario import Scenario, load
from recurse.store import signals
from recurse.store.writer import StoreWriter


def run(
    spec: Scenario | str | Path | Mapping[str, Any],
    store: str | Path = "runs",
    *,
    jobs: int | None = None,
    crew: Crew | None = None,
    sets: Sequence[str] = (),
    only: Collection[str | int] | None = None,
    retry: bool = False,
    watch: Watch = lambda progress: None,
    planned: Callable[[Plan], None] = lambda plan: None,
    every: float = 2.0,
    command: str = "",
) -> Result:
    """Run the cells that are not stored yet, judge the claims, publish a snapshot.

    If all results stand, nothing is judged or written again.

    Args:
        spec: a file, a mapping or a loaded scenario.
        store: the directory of the store.
        jobs: worker processes; as many as processors by default.
        crew: workers that are there already, and stay, in place of ``jobs`` new ones.
        sets: overrides, ``path=value`` each.
        only: arms to run, by label or by place in the plan; all by default.
        retry: run cells again that failed before.
        watch: called with everything that happens.
        planned: called with the plan before work starts.
        every: seconds between checkpoints: the work that a kill may cost beside the generation
            under way.
        command: the command as the user typed it, for the provenance.

    Raises:
        Problems: the scenario is refused.
        RecurseError: the store is busy, the disk is full, a package is missing.
    """
    scenario = spec if isinstance(spec, Scenario) else load(spec, sets)
    require(scenario, only)
    with signals.listening((signal.SIGINT,)), signals.held(), StoreWriter(store, command) as writer:
        writer.ingest()
        workers = crew or Crew(jobs)
        recall = partial(history, writer, scenario.name)
        with signals.prompt():
            made = plan(scenario, recall, retry, workers.jobs).only(only)
        planned(made)
        if found := standing(made, writer):
            return found
        name = begin(writer, made, command)
        status = "interrupted"
        try:
            with workers if crew is None else nullcontext():
                engine = LocalEngine(made, writer, name, workers, watch, every)
                failures = engine.execute()
            result = judged(made, writer, failures)
            status = result.status
        finally:
            writer.finish_run(status)
        writer.publish()
        return replace(result, messages=tuple(writer.messages))


def history(writer: Any, scenario: str, cells: Collection[str]) -> History:
    """The stored records of a scenario, in the planner's words; ``writer`` may be a reader."""
    places = writer.places(scenario)
    known = writer.history({*cells, *places.values()})
    probes: dict[Key, list[Measured]] = {}
    for one in writer.probes():
        found = Measured(one.width, one.seconds, one.compile_seconds, one.bytes)
        probes.setdefault(Key(one.arm, one.setting), []).append(found)
    return History(
        {n: Known(k.block, k.generations_done, k.failure, k.identity) for n, k in known.items()},
        places,
        writer.planned(scenario),
        probes,
        writer.measured(scenario),
    )


__all__ = ["Result", "history", "run"]
