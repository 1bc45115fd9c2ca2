"""The command line: typer commands, one small file each; what they do lives elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code.

    0 all is well, 1 a cell or a claim failed, 2 usage, bad spec or empty selection, 3 the store is
    in use, 4 a bug, 130 interrupted.
    """
    from recurse.cli import app, console, failures

    arguments = tuple(sys.argv[1:] if argv is None else argv)
    console.begin(arguments)
    return failures.guarded(
        lambda: app.build()(arguments, prog_name="recurse", standalone_mode=False)
    )
