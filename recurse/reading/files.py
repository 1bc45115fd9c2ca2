"""Files that a spec names: regular ones, of a bounded size, read no further than that."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

MOST_TEXT = 256 << 20
"""Bytes of a file of text, a csv for one."""
MOST_VALUES = 1 << 26
"""Numbers of a table: 512 MiB in double precision, and some three times that while it is read."""
_CHUNK = 1 << 20


def size(path: Path, most: int | None = None) -> int:
    """The bytes of a regular file.

    Raises:
        OSError: there is none.
        ValueError: it is a device, a pipe or a folder, or larger than ``most``.
    """
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("it is no regular file")
    if most is not None and found.st_size > most:
        text = f"it has {found.st_size / 2**20:,.0f} MiB; the limit is {most / 2**20:,.0f} MiB"
        raise ValueError(text)
    return found.st_size


def content(path: Path, most: int) -> bytes:
    """The bytes of a regular file of at most ``most`` bytes.

    Raises:
        OSError, ValueError: as `size`; also if it grows while it is read.
    """
    size(path, most)
    with path.open("rb") as file:
        found = file.read(most + 1)
    if len(found) > most:
        raise ValueError("it grows while it is read")
    return found


def digest(path: Path) -> str:
    """The hash of a regular file, read in pieces.

    Raises:
        OSError, ValueError: as `size`.
    """
    left = size(path)
    made = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while left > 0 and (piece := file.read(min(_CHUNK, left))):
            made.update(piece)
            left -= len(piece)
    return made.hexdigest()


def too_many(rows: int, columns: int) -> None:
    """Refuse a table by the size that its file states, before any row is read.

    Raises:
        ValueError: it has more values than `MOST_VALUES`.
    """
    if rows * columns > MOST_VALUES:
        raise ValueError(
            f"it has {rows:,} rows of {columns:,} columns; the limit is {MOST_VALUES:,} values: "
            "keep a part of the rows, or fewer columns"
        )
