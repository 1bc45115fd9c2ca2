"""The list of commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from recurse.cli import console
from recurse.cli.commands import (
    db,
    doctor,
    explain,
    export,
    init,
    kinds,
    ls,
    plan,
    probe,
    report,
    run,
    schema,
    show,
    status,
    validate,
    why,
)
from recurse.cli.options import shared

_COMMANDS: dict[str, Callable[..., int]] = {
    "init": init.init,
    "validate": validate.validate,
    "plan": plan.plan,
    "probe": probe.probe,
    "run": run.run,
    "status": status.status,
    "ls": ls.ls,
    "show": show.show,
    "why": why.why,
    "report": report.report,
    "export": export.export,
    "schema": schema.schema,
    "kinds": kinds.kinds,
    "explain": explain.explain,
    "doctor": doctor.doctor,
}
_HELP = ["-h", "--help"]


def build() -> typer.Typer:
    """The application; help is drawn in boxes on a terminal only."""
    made = typer.Typer(
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich" if _fancy() else None,
        context_settings={"help_option_names": _HELP},
    )
    made.callback()(shared(_root))
    for name, function in _COMMANDS.items():
        made.command(name)(shared(function))
    made.add_typer(db.build(), name="db")
    return made


def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, help="Print the version.", callback=lambda v: _version(v)
        ),
    ] = False,
) -> int:
    """Simulate generative models trained on what earlier models produced.

    Start with: recurse init, recurse plan SPEC, recurse run SPEC.
    """
    return 0


def _version(asked: bool) -> None:
    if asked:
        from recurse import __version__

        console.data(f"recurse {__version__}")
        raise typer.Exit(0)


def _fancy() -> bool:
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not plain and "never" not in console.settings.argv
