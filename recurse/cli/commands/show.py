"""``recurse show``: a spec as it is resolved, or the stored results of a scenario."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from recurse.cli import console
from recurse.cli.options import MaxErrors, Sets, StoreDir, TextOrJson


def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="SCENARIO|SPEC",
            help="The name of a stored scenario, or a spec file.",
            show_default=False,
        ),
    ],
    sets: Sets = None,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Also the values that the spec leaves out.")
    ] = False,
    store: StoreDir = "runs",
    format: TextOrJson = "text",
    max_errors: MaxErrors = 20,
) -> int:
    """Print a resolved spec, or the results of a scenario."""
    from recurse.cli import ending, showing
    from recurse.cli.stores import open_store
    from recurse.reading.yamlfile import dump

    if showing.is_spec(name, store, sets or ()):
        found = showing.resolved(name, sets or (), defaults)
        console.data((json.dumps(found, indent=2) if format == "json" else dump(found)).rstrip())
        return 0
    with open_store(store) as opened:
        results = showing.results(opened, name)
    if format == "json":
        console.data(json.dumps(results.data(), indent=2))
        return 0
    console.data(console.paint(name, "bold") + (f": {results.title}" if results.title else ""))
    console.data(console.columns(results.header, results.rows, "  "))
    for line in ending.claims_lines(results.claims, {row[1] for row in results.rows}):
        console.data(line)
    return 0
