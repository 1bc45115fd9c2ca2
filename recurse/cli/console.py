"""Output: data to standard output, all else to standard error; colours only for people."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

import typer

from recurse.reading import names

Color = Literal["auto", "always", "never"]


@dataclass
class Settings:
    """The flags of this invocation."""

    color: Color = "auto"
    quiet: bool = False
    verbose: bool = False
    max_errors: int = 20
    argv: tuple[str, ...] = ()
    resumable: bool = False
    """True if the same command, typed again, goes on where it was."""


settings = Settings()


def begin(argv: Sequence[str]) -> None:
    """Forget the flags of an earlier call in this process."""
    for name, value in vars(Settings(argv=tuple(argv))).items():
        setattr(settings, name, value)


def streams() -> bool:
    """True if standard output is open; other closed standard streams become the null device.

    Otherwise the next file that is opened, such as the database, would have the number of a
    standard stream, and anything that a library prints would go into that file.
    """
    closed = [number for number in range(3) if not _open(number)]
    for _ in closed:
        os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
    sys.stderr = sys.stderr or os.fdopen(2, "w")
    return 1 not in closed


def _open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def data(text: str) -> None:
    """A result, for people and programs."""
    _write(sys.stdout, text)


def say(text: str) -> None:
    """A remark; silent with ``--quiet``."""
    if not settings.quiet:
        _write(sys.stderr, text)


def warn(text: str) -> None:
    """Something the user should know, also with ``--quiet``."""
    _write(sys.stderr, text)


def error(text: str) -> None:
    """The reason why the command failed."""
    _write(sys.stderr, f"{paint('error:', 'red', sys.stderr)} {text}")


def coloured(stream: TextIO) -> bool:
    """True if text written to the stream is coloured."""
    if settings.color != "auto":
        return settings.color == "always"
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def paint(text: str, color: str, stream: TextIO | None = None) -> str:
    """The text in a colour (or ``bold``, ``dim``), where colours are shown."""
    if not coloured(stream or sys.stdout):
        return text
    if color in ("bold", "dim"):
        return typer.style(text, bold=color == "bold" or None, dim=color == "dim" or None)
    return typer.style(text, fg=color)


def columns(header: Sequence[str], rows: Sequence[Sequence[Any]], left: str = "") -> str:
    """A table without lines; columns of numbers are aligned to the right.

    The last column is never padded, so that long texts do not widen the others.
    """
    texts = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *texts, strict=True)]
    right = [_numeric([row[place] for row in rows]) for place in range(len(header))]
    head, *lines = (_line(row, widths, right, left) for row in (header, *texts))
    return "\n".join([paint(_fit(head.upper()), "dim"), *map(_fit, lines)])


def paragraph(text: str, left: str) -> str:
    """A text folded to the width of the terminal; programs get it on one line."""
    if not sys.stdout.isatty():
        return left + text
    width = shutil.get_terminal_size().columns
    return textwrap.fill(text, width, initial_indent=left, subsequent_indent=left)


def write(text: str | bytes, output: str | None) -> None:
    """Data to a file, or to standard output for None and ``-``."""
    if output in (None, "-"):
        if isinstance(text, bytes):
            sys.stdout.buffer.write(text)
            sys.stdout.buffer.flush()
        else:
            data(text.removesuffix("\n"))
        return
    path = Path(str(output))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    say(f"wrote {path}")


def _write(stream: TextIO, text: str) -> None:
    text = names.visible(text, colours=coloured(stream))
    try:
        print(text, file=stream, flush=True)
    except UnicodeEncodeError:  # a terminal or pipe that is not UTF-8
        encoding = stream.encoding or "ascii"
        print(text.encode(encoding, "replace").decode(encoding), file=stream, flush=True)


def _fit(line: str) -> str:
    """The line cut to the width of the terminal; programs get all of it."""
    if not sys.stdout.isatty():
        return line
    width = shutil.get_terminal_size().columns
    return line if len(line) <= width else line[: width - 1] + "…"


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _numeric(values: Sequence[Any]) -> bool:
    return bool(values) and all(isinstance(v, int | float) or v is None for v in values)


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[bool], left: str) -> str:
    cells = [
        text.rjust(width) if number else text.ljust(width)
        for text, width, number in zip(row, widths, right, strict=True)
    ]
    return (left + "  ".join(cells)).rstrip()
