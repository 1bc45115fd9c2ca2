"""``recurse db``: the store for those who speak SQL."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from recurse.cli import console
from recurse.cli.options import Output, StoreDir, shared
from recurse.cli.stores import existing

if TYPE_CHECKING:
    from recurse.store.repair import Finding

SUFFIX = ".frag"


def sql(
    query: Annotated[
        str,
        typer.Argument(metavar="QUERY", help="- reads it from standard input.", show_default=False),
    ],
    format: Annotated[Literal["text", "csv", "json"], typer.Option("--format")] = "text",
    output: Output = None,
    store: StoreDir = "runs",
) -> int:
    """Query the views v_cells, v_metrics, v_summary, v_theory, v_claims; nothing can be changed."""
    from polars.exceptions import PanicException, PolarsError

    from recurse.cli import exporting
    from recurse.cli.stores import open_store
    from recurse.store.reader import BadQuery

    text = sys.stdin.read() if query == "-" else query
    with open_store(store) as opened:
        frame = opened.sql(text)
    try:
        found = (
            console.columns(frame.columns, frame.rows()) + "\n"
            if format == "text"
            else exporting.encode(frame, format)
        )
    except (PolarsError, PanicException) as error:
        why = str(error).partition("\n")[0]
        raise BadQuery(f"as {format}: {why}", hint="cast the column to VARCHAR") from error
    console.write(found, output)
    return 0


def path(store: StoreDir = "runs") -> int:
    """Print the newest snapshot, a DuckDB file that is safe to open."""
    from recurse.cli.exporting import newest_snapshot

    console.data(str(newest_snapshot(store)))
    return 0


def snapshot(
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="- for stdout.")],
    store: StoreDir = "runs",
) -> int:
    """Copy the newest snapshot to a file of your own."""
    from recurse.cli.exporting import newest_snapshot

    console.write(newest_snapshot(store).read_bytes(), output)
    return 0


def check(store: StoreDir = "runs") -> int:
    """Read every block of the store, its snapshots and staged fragments; says which are whole."""
    from recurse.store import repair

    found = repair.check(existing(store))
    rows = [
        (each.name, each.bytes, each.generations, each.damage or "whole")
        for each in found
        if each.damage or not each.name.endswith(SUFFIX)
    ]
    if fragments := [each for each in found if each.name.endswith(SUFFIX) and not each.damage]:
        rows.append((f"{len(fragments)} fragments", *_sums(fragments), "whole"))
    console.data(console.columns(("file", "bytes", "generations", "state"), rows))
    damaged = [each.name for each in found if each.damage]
    if damaged:
        console.warn("'recurse db rebuild' restores the best of what is whole")
    return 1 if damaged else 0


def rebuild(store: StoreDir = "runs") -> int:
    """Restore the database from the best of its snapshots and fragments; nothing is thrown away."""
    from recurse.store import repair

    for text in repair.rebuild(existing(store)):
        console.say(text)
    return 0


def _sums(found: Sequence[Finding]) -> tuple[int, int]:
    return sum(each.bytes for each in found), sum(each.generations for each in found)


def build() -> typer.Typer:
    """The group of commands."""
    made = typer.Typer(no_args_is_help=True, help="The store for those who speak SQL.")
    for function in (sql, check, rebuild, path, snapshot):
        made.command(function.__name__)(shared(function))
    return made
