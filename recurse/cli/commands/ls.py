"""``recurse ls``: the scenarios of a store, or the cells of one."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from recurse.cli import console
from recurse.cli.options import StoreDir, TextOrJson


def ls(
    scenario: Annotated[
        str, typer.Argument(metavar="[SCENARIO]", help="List its cells.", show_default=False)
    ] = "",
    store: StoreDir = "runs",
    format: TextOrJson = "text",
) -> int:
    """List the scenarios in the store, or the cells of one."""
    from recurse.cli.overview import cells, scenarios
    from recurse.cli.stores import open_store

    header: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    with open_store(store) as opened:
        if scenario:
            header = ("cell", "arm", "backend", "seed", "status", "generations")
            rows = cells(opened, scenario)
        else:
            header = ("scenario", "arms", "seeds", "backends", "title")
            rows = [(r.scenario, r.arms, r.seeds, r.backends, r.title) for r in scenarios(opened)]
    if format == "json":
        console.data(json.dumps([dict(zip(header, row, strict=True)) for row in rows], indent=2))
    else:
        console.data(console.columns(header, rows))
    return 0
