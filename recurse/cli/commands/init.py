"""``recurse init``: a spec to start from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from recurse.cli import console
from recurse.cli.options import TextOrJson
from recurse.reading.problems import RecurseError


def init(
    file: Annotated[
        str,
        typer.Argument(metavar="[FILE]", help="Where to write it; - to print.", show_default=False),
    ] = "",
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="SPEC", help="Copy a shipped spec instead."),
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the shipped specs.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files.")] = False,
    format: TextOrJson = "text",
) -> int:
    """Write a commented spec, or copy one that ships with recurse."""
    from recurse.scenario import shipped

    if listed:
        found = [(one.name, one.title, one.cite) for one in shipped.shipped().values()]
        header = ("name", "title", "cite")
        if format == "json":
            console.data(
                json.dumps([dict(zip(header, row, strict=True)) for row in found], indent=2)
            )
        else:
            console.data(console.columns(header, found))
        return 0
    name = source or "scenario"
    target = file or f"{name}.yaml"
    written = shipped.start(target, source)
    if target == "-":
        console.write(next(iter(written.values())), "-")
        return 0
    standing = [path for path in written if Path(path).exists() and path.name != shipped.SCHEMA]
    if standing and not force:
        raise RecurseError(f"'{standing[0]}' exists", hint="--force overwrites it")
    for path, content in written.items():
        if path not in standing or force:
            console.write(content, str(path))
    console.say(f"next: recurse plan {target}, then recurse run {target}")
    return 0
