"""Everything that can end a command early, as an exit code and one line on standard error."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import typer

from recurse.cli import console
from recurse.reading.problems import Problems, RecurseError, render
from recurse.store import signals

OK, FAILED, USAGE, BUSY, BUG = 0, 1, 2, 3, 4


def guarded(call: Callable[[], Any]) -> int:
    """The exit code of a call; an exception is told in words."""
    try:
        code = int(call() or OK)
    except (KeyboardInterrupt, typer.Abort):
        code = signals.INTERRUPTED
    except Exception as failure:
        # A request to stop may come out as any error, such as one of DuckDB.
        code = signals.INTERRUPTED if signals.noted() else _explained(failure)
    return interrupted() if signals.noted() or code == signals.INTERRUPTED else code


def _explained(failure: Exception) -> int:
    if isinstance(failure, Problems):
        console.warn(render(failure.problems, limit=console.settings.max_errors))
        return failure.exit_code
    if isinstance(failure, RecurseError):
        console.error(str(failure))
        return failure.exit_code
    if isinstance(failure, OSError) and (failure.filename, failure.errno) != (None, None):
        what = (
            f"cannot use '{failure.filename}'" if failure.filename else "reading or writing failed"
        )
        console.error(f"{what}: {failure.strerror or failure}")
        return USAGE
    if hasattr(failure, "format_message"):  # typer's usage errors; their base class is private
        return _usage(failure)
    return bug("".join(traceback.format_exception(failure)), failure)


def interrupted() -> int:
    """The exit code after a request to stop, and how to go on."""
    hint = f"; what is done is kept. To continue: {command()}" if console.settings.resumable else ""
    with suppress(OSError):  # the terminal may be what is gone
        console.warn(f"interrupted{hint}")
    close_quietly()
    return signals.exit_code()


def bug(trace: str, fault: object) -> int:
    """A fault of ours in one line; the traceback is in a file, with RECURSE_DEBUG on screen."""
    if os.environ.get("RECURSE_DEBUG"):
        console.warn(trace)
        return BUG
    kind = f"{type(fault).__name__}: {fault}" if isinstance(fault, Exception) else str(fault)
    summary = kind.splitlines()[0] if kind.splitlines() else kind
    head = f"{command()}\npython {sys.version}\n\n"
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="recurse-", suffix=".txt", delete=False, encoding="utf-8"
        ) as report:
            report.write(head + trace)
        where = f"details are in {report.name}"
    except OSError:
        where = "set RECURSE_DEBUG=1 to see where"
    console.error(f"this is a bug in recurse: {summary}; {where}")
    return BUG


def command() -> str:
    """The command as the user typed it."""
    return shlex.join(["recurse", *console.settings.argv])


def _usage(failure: Any) -> int:
    context = getattr(failure, "ctx", None)
    said = failure.format_message()
    if type(failure).__name__ == "NoArgsIsHelpError":
        console.warn(said)
        return int(failure.exit_code)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    console.error(" ".join(lines))
    if context is not None:
        console.say(f"try '{context.command_path} --help'")
    return int(failure.exit_code)


def close_quietly() -> None:
    """Close standard output without a complaint of the interpreter if nobody reads it any more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(nowhere, stream.fileno())
