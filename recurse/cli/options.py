"""The flags that several commands share, each described once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, Literal

import typer

from recurse.cli import console, failures

Sets = Annotated[
    list[str] | None,
    typer.Option(
        "-s", "--set", metavar="PATH=VALUE", help="Override a value of the spec; may be repeated."
    ),
]
Select = Annotated[
    list[str] | None,
    typer.Option(
        "--select",
        metavar="TERMS",
        help="Only some arms: PATH=VALUE, kind:NAME, status:NAME or a label, joined by commas"
        " (all must hold); repeated: any.",
    ),
]
StoreDir = Annotated[
    str,
    typer.Option("--store", metavar="DIR", envvar="RECURSE_STORE", help="Where results are kept."),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "-j",
        "--jobs",
        min=1,
        metavar="N",
        envvar="RECURSE_JOBS",
        help="Worker processes; one per processor by default.",
    ),
]
Output = Annotated[
    str | None,
    typer.Option("-o", "--output", metavar="FILE", help="Write to a file; - is standard output."),
]
TextOrJson = Annotated[
    Literal["text", "json"], typer.Option("--format", help="For people or programs.")
]
Retry = Annotated[bool, typer.Option("--retry", help="Run cells again that failed before.")]
MaxErrors = Annotated[
    int,
    typer.Option(
        "--max-errors",
        min=0,
        metavar="N",
        help="Show at most N problems; 0 for all.",
        callback=lambda value: _keep("max_errors", value),
    ),
]
SPEC_HELP = "A file, a directory of them, or the name of a shipped spec (recurse init --list)."
Specs = Annotated[list[str], typer.Argument(metavar="SPEC", help=SPEC_HELP, show_default=False)]

_SHARED = {
    "color": (
        Annotated[
            console.Color,
            typer.Option("--color", envvar="RECURSE_COLOR", help="When to use colours."),
        ],
        "auto",
    ),
    "quiet": (
        Annotated[bool, typer.Option("-q", "--quiet", help="Only results and errors.")],
        False,
    ),
    "verbose": (Annotated[bool, typer.Option("-v", "--verbose", help="Say more.")], False),
}


def shared(command: Callable[..., int]) -> Callable[..., int]:
    """The command with ``--color``, ``--quiet`` and ``--verbose`` added to its flags."""
    signature = inspect.signature(command, eval_str=True)
    extra = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in _SHARED.items()
    ]

    @wraps(command)
    def wrapped(**given: Any) -> int:
        for name in _SHARED:
            value = given.pop(name)
            if value != _SHARED[name][1]:
                _keep(name, value)
        try:
            return command(**given)
        except BrokenPipeError:  # nobody reads on, as under `head`; typer would exit with 1
            failures.close_quietly()
            return failures.OK

    merged = [*signature.parameters.values(), *extra]
    wrapped.__signature__ = signature.replace(parameters=merged)  # type: ignore[attr-defined]
    return wrapped


def _keep(name: str, value: Any) -> Any:
    setattr(console.settings, name, value)
    return value
