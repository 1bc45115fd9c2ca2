"""``recurse why``: the identity of a cell, and its differences from the stored one."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from recurse.cli import console
from recurse.cli.options import MaxErrors, Sets, StoreDir, TextOrJson


def why(
    cell: Annotated[
        str,
        typer.Argument(
            metavar="CELL",
            help="The first characters of its id (recurse ls SCENARIO), or ARM@SEED.",
            show_default=False,
        ),
    ],
    spec: Annotated[
        str,
        typer.Argument(
            metavar="[SPEC]", help="Compare with this spec, not the stored one.", show_default=False
        ),
    ] = "",
    sets: Sets = None,
    store: StoreDir = "runs",
    format: TextOrJson = "text",
    max_errors: MaxErrors = 20,
) -> int:
    """Explain a cell: its state, what changed, its identity."""
    from recurse.cli import cells
    from recurse.cli.stores import open_store

    with open_store(store) as opened:
        found = cells.why(opened, cell, spec, sets or ())
    if format == "json":
        console.data(json.dumps([one.data() for one in found], indent=2))
    else:
        console.data("\n\n".join(one.text() for one in found))
    return 0
