"""The numbers of a csv, each refused with its line and column if it is none."""

from __future__ import annotations

import csv
import math
import re
from array import array
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recurse.reading import files

Columns = tuple[str, ...] | None
Rows = NDArray[np.float64]
SHOWN = 40
"""Characters of a name or value that a message shows."""
_NUMBER = re.compile(
    r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:inf|infinity)|nan",
    re.IGNORECASE,
)


class Misplaced(ValueError):
    """Something wrong at a place of a csv; the text begins with ``file:line:column``."""


def parsed(path: Path, lines: Iterator[str], columns: Columns, cut: bool) -> Rows:
    """The numbers in the lines of a csv, ``[N, d]``.

    Args:
        path: the file, for messages.
        lines: with their ends.
        columns: those to take, in order; all by default.
        cut: True if there are more lines, so that the last record may be half of one.

    Raises:
        Misplaced: a value is no finite number, or a line has too few or too many.
        ValueError: a column is missing, or there are too many values.
    """
    last = [""]

    def kept() -> Iterator[str]:
        for line in lines:
            last[0] = line
            yield line

    reader = csv.reader(kept())

    before = 0  # lines of the records that are done

    def wrong(text: str, place: int = 0) -> Misplaced:
        lone = reader.line_num <= before + 1
        column = f":{_column(last[0], place)}" if lone else ""
        return Misplaced(f"{path}:{before + 1}{column}: {text}")

    values, rows = array("d"), 0
    try:
        header = next(reader, [])
        if header and all(map(_is_number, header)):
            raise wrong("numbers, where the names of the columns belong")
        index = column_places(header, columns)
        before = reader.line_num
        for row in reader:
            if len(row) != len(header):
                if cut:
                    break  # the text may end within a quoted value
                text = f"{len(row)} values in this line, {len(header)} in the header"
                raise wrong(text, min(len(row), len(header)))
            for place in index:
                if flaw := _flaw(row[place]):
                    name = header[place][:SHOWN]
                    raise wrong(f"'{row[place][:SHOWN]}' in column '{name}' {flaw}", place)
            before = reader.line_num
            rows += 1
            files.too_many(rows, len(index))
            values.extend(float(row[place]) for place in index)
    except csv.Error as error:
        raise wrong(str(error)) from None
    return np.array(values, dtype=np.float64).reshape(rows, -1 if rows else len(index))


def _flaw(text: str) -> str:
    """Why a value cannot be used, or nothing."""
    if not _is_number(text):
        return "is no number; 'columns' names those to use"
    return "" if math.isfinite(float(text)) else "is not finite"


def _is_number(text: str) -> bool:
    """True for numbers as JSON and YAML write them, NaN and infinity; not for ``1_0``."""
    return _NUMBER.fullmatch(text.strip()) is not None


def _column(line: str, place: int) -> int:
    """Where in a line its value number ``place`` begins, from 1; its end if there are fewer."""
    quoted = False
    for position, mark in enumerate(line.rstrip("\r\n")):
        if place == 0:
            return position + 1
        quoted ^= mark == '"'
        place -= mark == "," and not quoted
    return len(line.rstrip("\r\n")) + 1 if place else len(line)


def column_places(header: list[str], columns: Columns) -> list[int]:
    """The places of the columns that are wanted."""
    places = {name: place for place, name in enumerate(header)}
    absent = [name for name in columns or () if name not in places]
    if absent:
        raise ValueError(f"there is no column '{absent[0]}'; there are {', '.join(header[:SHOWN])}")
    names, times = columns or header, Counter(header)
    if twice := [name for name in names if times[name] > 1]:
        raise ValueError(f"there are {times[twice[0]]} columns '{twice[0]}'")
    return [places[name] for name in names]
