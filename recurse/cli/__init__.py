"""The command line: typer commands, one small file each; the logic behind them lives elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code.

    The codes are listed in docs/commands.md.
    """
    from recurse.store import signals

    with signals.listening():
        try:
            from recurse.cli import app, console, failures
        except KeyboardInterrupt:
            return signals.exit_code()
        arguments = tuple(sys.argv[1:] if argv is None else argv)
        console.begin(arguments)
        if not console.streams():
            console.error("standard output is closed: send it to a file, or to /dev/null")
            return failures.USAGE
        return failures.guarded(
            lambda: app.build()(arguments, prog_name="recurse", standalone_mode=False)
        )
