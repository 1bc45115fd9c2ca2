"""``recurse run``: do the work of the plan, check the claims, write the report."""

from __future__ import annotations

from typing import Annotated

import typer

from recurse.cli import console, failures
from recurse.cli.commands.plan import plan
from recurse.cli.options import Jobs, MaxErrors, Retry, Select, Sets, Specs, StoreDir


def run(
    specs: Specs,
    sets: Sets = None,
    select: Select = None,
    store: StoreDir = "runs",
    jobs: Jobs = None,
    retry: Retry = False,
    dry_run: Annotated[bool, typer.Option("-n", "--dry-run", help="Only print the plan.")] = False,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Write the report at the end.")
    ] = True,
    max_errors: MaxErrors = 20,
) -> int:
    """Run what is not stored yet, check claims, report."""
    if dry_run:
        return plan(specs, sets, select, store, jobs, retry, max_errors=max_errors)
    from recurse.cli import ending, reporting
    from recurse.cli.progress import Watcher, passing
    from recurse.cli.stores import stored_history
    from recurse.engines.crew import Crew
    from recurse.planning.selection import select_each
    from recurse.running.check import compiled
    from recurse.running.run import run as execute

    console.settings.resumable = True
    # Each run reads the store itself; here the stored states serve ``--select`` only.
    past = (lambda one: stored_history(store, one, False)) if select else (lambda one: None)
    with passing(f"planning {' '.join(specs)}"):
        plans = compiled(specs, sets or (), past, retry)
    results, pages = [], []
    with Crew(jobs) as crew:
        for made, arms in zip(plans, select_each(plans, select or ()), strict=True):
            if arms == ():
                continue
            with Watcher() as watcher:
                result = execute(
                    made.scenario,
                    store,
                    crew=crew,
                    only=arms,
                    retry=retry,
                    watch=watcher,
                    planned=watcher.planned,
                    command=failures.command(),
                )
            for message in result.messages:
                console.say(f"store: {message}")
            results.append(result)
            with passing(f"{made.scenario.name}  writing the report"):
                found = reporting.told(store, made.scenario.name, result.run, report)
            pages += [found.page] if found.page else []
            console.data(ending.told(result, found.answer))
            ending.trouble(result, failures.command())
    ending.places(store, [result.plan.scenario.name for result in results], pages)
    return ending.code(results, partial=bool(select))
