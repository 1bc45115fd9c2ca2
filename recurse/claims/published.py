"""Published curves as CSV files: columns, a selection of rows, one value per generation."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from recurse import bundled
from recurse.reading import files

COLUMNS = ("experiment", "policy", "model", "n_per_iter", "iteration", "metric", "value")


def locate(file: str, folder: Path | None) -> Path | None:
    """The path of a reference file, beside the spec or among the shipped specs; None if absent."""
    for root in (folder, bundled.folder()):
        if root is not None and (root / file).is_file():
            return root / file
    return None


def curve(path: Path, select: Mapping[str, object]) -> dict[int, float]:
    """The value by generation of the rows that have all the values of ``select``.

    Papers count iterations from 1: iteration k is generation k - 1. Lines that start with ``#`` are
    comments. Hyphens and underscores are one in a policy's name.

    Raises:
        ValueError: a column is missing, a number cannot be read, no row or several rows are left
            for an iteration; with the reason in words.
        OSError: the file cannot be read.
    """
    found: dict[int, float] = {}
    for row in _rows(path, path.stat().st_mtime_ns):
        if any(_plain(name, row[name]) != _plain(name, value) for name, value in select.items()):
            continue
        generation, value = _number(row["iteration"], path), _number(row["value"], path)
        if generation != int(generation) or generation < 1:
            raise ValueError(f"{path.name}: iteration {row['iteration']} is not 1, 2, ...")
        if int(generation) - 1 in found:
            text = (
                f"{path.name}: several rows for iteration {int(generation)}; select more narrowly"
            )
            raise ValueError(text)
        found[int(generation) - 1] = value
    if not found:
        wanted = ", ".join(f"{name}={value}" for name, value in select.items())
        raise ValueError(f"{path.name}: no row has {wanted}")
    return dict(sorted(found.items()))


@lru_cache(maxsize=8)
def _rows(path: Path, changed: int) -> tuple[dict[str, str], ...]:
    """All rows; ``changed`` makes an edited file a different one."""
    files.size(path, files.MOST_TEXT)
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(line for line in lines if not line.startswith("#"))
        try:
            names, rows = reader.fieldnames or (), tuple(reader)
        except csv.Error as error:
            raise ValueError(f"{path.name}: {error}") from None
    if absent := [name for name in COLUMNS if name not in names]:
        raise ValueError(f"{path.name}: no column '{absent[0]}'")
    if any(None in row or None in row.values() for row in rows):
        raise ValueError(f"{path.name}: a row has too few or too many values")
    return rows


def _plain(column: str, value: object) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text.replace("-", "_") if column == "policy" else text


def _number(text: str, path: Path) -> float:
    try:
        value = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{path.name}: '{text}' is not a number")
    return value
