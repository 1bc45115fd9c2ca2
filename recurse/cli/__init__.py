"""The command line: typer commands, one small file each; what they do lives elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code.

    0: all is well.
    1: a cell or a claim failed, or a claim could not be told.
    2: usage, a bad spec, an empty selection, something missing or unreadable.
    3: another process writes to the store.
    4: a bug.
    130: Ctrl-C; 143: SIGTERM, or SIGHUP (the terminal is gone). What is done is kept, and the same
    command goes on from there. A second Ctrl-C ends at once, and loses no more than a kill does.
    Signals that are ignored at the start stay so, such as SIGHUP under ``nohup``.
    """
    from recurse.store import signals

    with signals.listening():
        try:
            from recurse.cli import app, console, failures
        except KeyboardInterrupt:
            return signals.exit_code()
        if not failures.reachable():
            return failures.USAGE
        arguments = tuple(sys.argv[1:] if argv is None else argv)
        console.begin(arguments)
        if not console.streams():
            console.error("standard output is closed: send it to a file, or to /dev/null")
            return failures.USAGE
        return failures.guarded(
            lambda: app.build()(arguments, prog_name="recurse", standalone_mode=False)
        )
