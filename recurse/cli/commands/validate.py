"""``recurse validate``: everything that a run would refuse, with positions."""

from __future__ import annotations

import os
from typing import Annotated, Literal

import typer

from recurse.cli import console
from recurse.cli.options import MaxErrors, Sets, Specs


def validate(
    specs: Specs,
    sets: Sets = None,
    format: Annotated[
        Literal["text", "json", "github"] | None,
        typer.Option(
            "--format",
            help="How to print problems; github where GITHUB_ACTIONS is true.",
            show_default="text",
        ),
    ] = None,
    max_errors: MaxErrors = 20,
) -> int:
    """Check specs; print every problem with its position."""
    from recurse.reading.problems import render
    from recurse.running.check import check

    automatic: Literal["text", "github"] = (
        "github" if os.environ.get("GITHUB_ACTIONS") == "true" else "text"
    )
    checked = check(specs, sets or ())
    problems = [problem for found in checked.values() for problem in found]
    if problems or format == "json":
        console.data(render(problems, format or automatic, max_errors))
    bad = [name for name, found in checked.items() if any(p.severity == "error" for p in found)]
    if console.settings.verbose:
        for name in checked:
            console.say(f"{'bad' if name in bad else 'ok '}  {name}")
    console.say(
        f"{len(checked) - len(bad)} ok, {len(bad)} with problems" if bad else _fine(checked)
    )
    return 2 if bad else 0


def _fine(checked: dict[str, object] | object) -> str:
    names = list(checked) if isinstance(checked, dict) else []
    return f"ok: {names[0]}" if len(names) == 1 else f"ok: {len(names)} specs"
