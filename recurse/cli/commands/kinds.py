"""``recurse kinds``: everything that a spec can name."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from recurse.cli import console
from recurse.cli.options import TextOrJson
from recurse.spec import ROLES


def kinds(
    name: Annotated[
        str, typer.Argument(metavar="[KIND]", help="One kind, with its fields.", show_default=False)
    ] = "",
    role: Annotated[
        str | None,
        typer.Option("--role", metavar="ROLE", help=f"Only these: {', '.join(ROLES)}."),
    ] = None,
    format: TextOrJson = "text",
) -> int:
    """List everything that a spec can name."""
    from recurse.cli import catalogue

    found = catalogue.entries(role, name)
    if format == "json":
        console.data(json.dumps([entry.data() for entry in found], indent=2))
        return 0
    for place, entry in enumerate(found if name else ()):
        if place:
            console.data("")
        console.data(console.paint(f"{entry.role} {entry.kind}", "bold"))
        console.data(console.paragraph(entry.summary, "  "))
        for text in (*entry.more, entry.cite):
            if text:
                console.data(console.paragraph(text, "  "))
        if entry.backends:
            console.data(f"  on {', '.join(entry.backends)}")
        for field in entry.fields:
            given = {"required": "required", "-": "optional"}
            usual = given.get(field.default, f"by default {field.default}")
            console.data(f"  {console.paint(field.name, 'bold')}  {field.type}; {usual}")
            if field.about:
                console.data(console.paragraph(field.about, "      "))
    if not name:
        rows = [
            (entry.role, entry.kind, ", ".join(entry.backends) or "any", entry.summary, entry.cite)
            for entry in found
        ]
        console.data(console.columns(("role", "kind", "backends", "what it is", "from"), rows))
    return 0
