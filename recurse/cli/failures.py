"""Everything that can end a command early, as an exit code and one line on standard error."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import typer

from recurse.cli import console
from recurse.reading.problems import Problems, RecurseError, render

_pressed: list[int] = []
OK, FAILED, USAGE, BUG, INTERRUPTED = 0, 1, 2, 4, 130


def guarded(call: Callable[[], Any]) -> int:
    """The exit code of a call; whatever it raises is told in words."""
    try:
        with _listening():
            code = int(call() or OK)
            return interrupted() if code == INTERRUPTED else code
    except (KeyboardInterrupt, typer.Abort):
        return interrupted()
    except Problems as found:
        console.warn(render(found.problems, limit=console.settings.max_errors))
        return found.exit_code
    except RecurseError as refused:
        console.error(str(refused))
        return refused.exit_code
    except OSError as refused:
        if refused.filename is None and refused.errno is None:
            return bug(traceback.format_exc(), refused)
        place = f" '{refused.filename}'" if refused.filename else ""
        console.error(f"cannot use{place}: {refused.strerror or refused}")
        return USAGE
    except Exception as fault:
        if _pressed:  # while a query runs, DuckDB turns Ctrl-C into an error of its own
            return interrupted()
        if hasattr(fault, "format_message"):  # typer's usage errors; their base class is private
            return _usage(fault)
        return bug(traceback.format_exc(), fault)


def interrupted() -> int:
    """What Ctrl-C ends with."""
    hint = f"; what is done is kept. To continue: {command()}" if console.settings.resumable else ""
    console.warn(f"interrupted{hint}")
    return INTERRUPTED


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
    """What the user typed."""
    return shlex.join(["recurse", *console.settings.argv])


@contextmanager
def _listening() -> Iterator[None]:
    """Remembers a Ctrl-C, whatever becomes of the exception that it raises.

    A request to end (of a batch system, for one) is the same: the run stops and can be continued.
    """
    _pressed.clear()
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    ours = before == (signal.default_int_handler, signal.SIG_DFL)

    def note(number: int, frame: FrameType | None) -> None:
        _pressed.append(number)
        signal.default_int_handler(number, frame)

    if ours:
        signal.signal(signal.SIGINT, note)
        signal.signal(signal.SIGTERM, note)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGINT, before[0])
            signal.signal(signal.SIGTERM, before[1])


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
    """Nobody reads on; the interpreter must not complain when it flushes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (BrokenPipeError, ValueError):
            os.dup2(nowhere, stream.fileno())
