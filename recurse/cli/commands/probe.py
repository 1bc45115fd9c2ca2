"""``recurse probe``: measure the cost of blocks at several widths, so that plans can choose."""

from __future__ import annotations

import json

from recurse.cli import console, failures
from recurse.cli.options import MaxErrors, Select, Sets, Specs, StoreDir, TextOrJson


def probe(
    specs: Specs,
    sets: Sets = None,
    select: Select = None,
    store: StoreDir = "runs",
    format: TextOrJson = "text",
    max_errors: MaxErrors = 20,
) -> int:
    """Time each arm at several widths; later plans choose by it.

    Nothing is measured unless this command is called, so plans follow from the spec, the store and
    the number of workers alone. Cells already begun, or planned by a run that was stopped, keep
    their width. Run it on a machine that is otherwise quiet.
    """
    from recurse.planning.selection import select_each
    from recurse.running.check import compiled
    from recurse.running.probe import probe as measure

    plans = compiled(specs, sets or ())
    chosen = select_each(plans, select or ())
    rows = []
    for made, places in zip(plans, chosen, strict=True):
        for found in measure(made.scenario, store, only=places, command=failures.command()):
            each = found.seconds * 1e6
            rows.append((found.label, found.backend, found.width, each, found.compile_seconds))
            console.say(
                f"{found.label} on {found.backend}, {found.width} wide: {each:.3g} us"
                f" per replicate and generation, {found.compile_seconds:.2g} s to compile"
            )
    header = ("arm", "backend", "width", "microseconds", "compile_seconds")
    if format == "json":
        console.data(json.dumps([dict(zip(header, row, strict=True)) for row in rows], indent=2))
    else:
        shown = [(*row[:3], f"{row[3]:.3g}", f"{row[4]:.2g}") for row in rows]
        console.data(console.columns((*header[:3], "us each", "compile s"), shown))
    return 0
