"""``recurse export``: the numbers of a scenario, for other programs."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from recurse.cli import console
from recurse.cli.options import Output, StoreDir


def export(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", show_default=False)],
    what: Annotated[
        Literal["metrics", "summary", "theory", "claims", "cells", "verdicts", "spec"],
        typer.Option("--what", help="Which table, or the spec."),
    ] = "summary",
    format: Annotated[
        Literal["csv", "json", "parquet", "yaml"] | None,
        typer.Option("--format", help="By default as FILE ends, else csv (yaml for a spec)."),
    ] = None,
    output: Output = None,
    store: StoreDir = "runs",
) -> int:
    """Write a scenario's numbers as csv, json or parquet."""
    from recurse.cli import exporting
    from recurse.cli.stores import open_store

    with open_store(store) as opened:
        content = exporting.export(opened, scenario, what, format, output)
    console.write(content, output)
    return 0
