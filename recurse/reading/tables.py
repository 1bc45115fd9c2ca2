"""Rows of numbers in a csv, parquet or npy file: a bounded look at the first ones, or all of them.

A look tells the columns, and the rows where the file says how many it has or is short. Whatever is
wrong is said with the line and column of a csv, with the row and column of the others.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import BinaryIO
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from recurse.reading import csvfile, files
from recurse.reading.csvfile import SHOWN, Columns, Rows

HEAD = 1 << 20
"""Bytes of a csv that a look reads, if they hold a row."""
ROWS = 1000
"""Rows of the other files that a look reads."""
LEAST = 4
"""Rows of a table."""


@dataclass(frozen=True)
class Look:
    """The number of columns, and that of rows; None if only reading all of them would tell."""

    columns: int
    rows: int | None


def look(path: Path, columns: Columns) -> Look:
    """The facts that the first rows of a table tell.

    Raises:
        OSError: there is no such file.
        ValueError: it is no table of finite numbers, as far as was read; of a csv
            `csvfile.Misplaced`.
    """
    with _in_words(path):
        if path.suffix == ".npy":
            with _npy(path, columns) as rows:
                return _seen(np.asarray(rows[:ROWS], dtype=np.float64), None, len(rows))
        if path.suffix == ".parquet":
            head, names, total = _parquet(path, columns, ROWS)
            return _seen(head, names, total)
        size = files.size(path, files.MOST_TEXT)
        with path.open("rb") as file:
            part = file.read(HEAD)
        whole = size <= HEAD
        if not whole and part.count(b"\n") < 2:
            return Look(read(path, columns).shape[1], None)
        text = part if whole else part[: part.rindex(b"\n") + 1]
        lines = StringIO(text.decode("utf-8-sig", "surrogateescape"), newline="")
        found = csvfile.parsed(path, lines, columns, cut=not whole)
        return _seen(found, (), len(found) if whole else None)


def read(path: Path, columns: Columns) -> Rows:
    """All rows of a table, ``[N, d]``.

    Raises:
        OSError, ValueError: as `look`.
    """
    with _in_words(path):
        if path.suffix == ".npy":
            with _npy(path, columns) as mapped:
                rows, names = np.array(mapped, dtype=np.float64), None
        elif path.suffix == ".parquet":
            rows, names, _ = _parquet(path, columns, None)
        else:
            files.size(path, files.MOST_TEXT)
            with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as lines:
                rows, names = csvfile.parsed(path, lines, columns, cut=False), ()
        _seen(rows, names, len(rows))
        return rows


def _seen(rows: Rows, names: Sequence[str] | None, total: int | None) -> Look:
    """The look at rows that are finite; ``names`` of columns, None if they have numbers only."""
    if rows.ndim != 2 or rows.shape[1] == 0 or min(len(rows), total or LEAST) < LEAST:
        needed = f"two axes, {LEAST} rows or more and a column or more"
        raise ValueError(f"a table has {needed}, this has shape {rows.shape}")
    broken = np.argwhere(~np.isfinite(rows))
    if len(broken):
        row, column = broken[0]
        name = f"'{names[column][:SHOWN]}'" if names else str(column + 1)
        raise ValueError(f"the value in row {row + 1}, column {name} is not finite")
    return Look(rows.shape[1], total)


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    """Errors of the readers as those of a table."""
    endings = (".csv", ".parquet", ".npy")
    if path.suffix not in endings:
        raise ValueError(f"the ending is none of {', '.join(endings)}")
    try:
        yield
    except (EOFError, TypeError, BadZipFile, MemoryError) as error:
        raise ValueError(f"it is no sound {path.suffix} file of numbers ({error})") from None


@contextmanager
def _npy(path: Path, columns: Columns) -> Iterator[NDArray[np.generic]]:
    """The array in a file, mapped: it is read where it is looked at."""
    if columns is not None:
        raise ValueError("an .npy file has no named columns")
    size = files.size(path)
    with path.open("rb") as file:
        _refuse_header(file, size)
    rows = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(rows, np.memmap):
        raise EOFError("it is no single array")
    if np.iscomplexobj(rows):
        raise ValueError("it has complex numbers; save the parts as columns of their own")
    if rows.ndim == 0:
        raise ValueError("a table has two axes, this has shape ()")
    yield rows


def _refuse_header(file: BinaryIO, size: int) -> None:
    """Refuse an array by its header."""
    headers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        version = np.lib.format.read_magic(file)
        shape, _, dtype = headers[version](file) if version in headers else ((), False, None)
    except ValueError as error:
        raise EOFError(error) from None
    if dtype is not None and dtype.hasobject:
        raise ValueError("it has Python objects; save numbers")
    values = math.prod(shape)
    files.too_many(values, 1)
    if dtype is not None and values * dtype.itemsize > size - file.tell():
        raise ValueError(f"its header promises {values:,} values, and the file is shorter")


def _parquet(path: Path, columns: Columns, most: int | None) -> tuple[Rows, tuple[str, ...], int]:
    """The first rows of a file, or all; the names of its columns, and the number of its rows."""
    import polars as pl  # only for a file that nothing lighter can read

    files.size(path)
    try:
        scanned = pl.scan_parquet(path)
        names = columns or tuple(scanned.collect_schema())
        total = int(scanned.select(pl.len()).collect().item())
        files.too_many(total, len(names))
        wanted = scanned.select(names)
        frame = (wanted if most is None else wanted.head(most)).collect()
        return frame.cast(pl.Float64).to_numpy(), names, total
    except pl.exceptions.PolarsError as error:
        raise ValueError(str(error)) from None
