"""``recurse report``: pages drawn from the store alone."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from recurse.cli.options import StoreDir


def report(
    scenarios: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SCENARIO]...", help="All by default.", show_default=False),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="PATH",
            help="A file, or a directory for several scenarios; STORE/reports by default.",
        ),
    ] = None,
    format: Annotated[
        Literal["html", "md"] | None,
        typer.Option("--format", help="By default as PATH ends, else html."),
    ] = None,
    interactive: Annotated[
        bool, typer.Option("--interactive", help="Figures that can be explored; a larger file.")
    ] = False,
    store: StoreDir = "runs",
) -> int:
    """Write reports: one offline page per scenario."""
    from recurse.cli import console, reporting

    suffix = (output or "").lower().rpartition(".")[2]
    wanted = format or ("md" if suffix in ("md", "markdown") else "html")
    for path in reporting.draw(store, scenarios or (), output, wanted, interactive):
        console.data(str(path))
    return 0
