"""The user's own numbers: a csv, parquet or npy file, one row per sample."""

from __future__ import annotations

import csv
import math
import re
from array import array
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recurse.numerics.arrays import Fields
from recurse.numerics.streams import Streams
from recurse.reading import files
from recurse.sources import Source, pick

_NUMBER = re.compile(
    r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:inf|infinity)|nan",
    re.IGNORECASE,
)


class Table(Source):
    """Rows of a file as vectors; a fixed share of them, the same for all seeds, is held out."""

    kind: Literal["table"] = "table"
    path: Annotated[str, Field(min_length=1)]
    """A ``.csv``, ``.parquet`` or ``.npy`` file, relative to the working directory."""
    columns: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Numeric columns of a csv or parquet file, in order; all of them by default."""
    test: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """The share of rows held out for testing."""

    @property
    def fields(self) -> dict[str, tuple[int, ...]]:
        return {"x": (self._rows().shape[1],)}

    def available(self) -> int | None:
        return len(self._rows()) - self._held()

    def digest(self) -> str:
        return files.digest(Path(self.path))

    def draw(self, streams: Streams, generation: int, purpose: str, n: int) -> Fields:
        rows = self._rows()[self._held() :]
        return {"x": rows[pick(streams, generation, purpose, len(rows), n)]}

    def heldout(self) -> Mapping[str, NDArray[Any]]:
        return {"x": self._rows()[: self._held()]}

    def problems(self) -> list[tuple[str, str, str]]:
        try:
            rows = self._rows()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            return [("path", "E208", f"cannot read '{self.path}': {why}")]
        if self._held() < 2:
            return [("test", "E204", f"holds out {self._held()} of {len(rows)} rows; 2 are needed")]
        return []

    def _held(self) -> int:
        return round(self.test * len(self._rows()))

    def _rows(self) -> NDArray[np.float64]:
        """All rows ``[N, d]``, shuffled once in a way that depends on their number only."""
        path = Path(self.path)
        return _read(path, self.columns, path.stat().st_mtime_ns)


@cache
def _read(path: Path, columns: tuple[str, ...] | None, _version: int) -> NDArray[np.float64]:
    readers = {".csv": _csv, ".parquet": _parquet, ".npy": _npy}
    if path.suffix not in readers:
        raise ValueError(f"the ending is none of {', '.join(readers)}")
    try:
        rows = readers[path.suffix](path, columns)
    except (EOFError, TypeError, BadZipFile, MemoryError, csv.Error) as error:
        raise ValueError(f"it is no sound {path.suffix} file of numbers ({error})") from None
    if rows.ndim != 2 or len(rows) < 4 or rows.shape[1] == 0:
        needed = "two axes, 4 rows or more and a column or more"
        raise ValueError(f"a table has {needed}, this has shape {rows.shape}")
    broken = ~np.isfinite(rows).all(axis=1)
    if broken.any():
        raise ValueError(f"row {broken.argmax() + 1} of the data has a value that is not finite")
    return rows[np.random.Generator(np.random.Philox(key=len(rows))).permutation(len(rows))]


def _npy(path: Path, columns: tuple[str, ...] | None) -> NDArray[np.float64]:
    if columns is not None:
        raise ValueError("an .npy file has no named columns")
    size = files.size(path)
    with path.open("rb") as file:
        _refuse_header(file, size)
        rows = np.load(file, allow_pickle=False)
    if np.iscomplexobj(rows):
        raise ValueError("it has complex numbers; save the parts as columns of their own")
    return np.asarray(rows, dtype=np.float64)


def _refuse_header(file: BinaryIO, size: int) -> None:
    """Refuse an array by its header, and leave the file at its beginning."""
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
    file.seek(0)


def _csv(path: Path, columns: tuple[str, ...] | None) -> NDArray[np.float64]:
    files.size(path, files.MOST_TEXT)
    with path.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.reader(lines)
        header = next(reader, [])
        if header and all(_is_number(name) for name in header):
            raise ValueError("the first line has numbers where the names of the columns belong")
        index = _index(header, columns)
        values, rows = array("d"), 0
        for row in reader:
            if len(row) != len(header):
                text = f"line {reader.line_num} has {len(row)} values, the header {len(header)}"
                raise ValueError(text)
            if other := [i for i in index if not _is_number(row[i])]:
                raise ValueError(
                    f"line {reader.line_num} has '{row[other[0]][:40]}' in column "
                    f"'{header[other[0]][:40]}', which is no number; 'columns' names those to use"
                )
            rows += 1
            files.too_many(rows, len(index))
            values.extend(float(row[i]) for i in index)
    return np.array(values, dtype=np.float64).reshape(rows, -1 if rows else len(index))


def _is_number(text: str) -> bool:
    """True for numbers as JSON and YAML write them, NaN and infinity; not for ``1_0``."""
    return _NUMBER.fullmatch(text.strip()) is not None


def _parquet(path: Path, columns: tuple[str, ...] | None) -> NDArray[np.float64]:
    import polars as pl  # only for a file that nothing lighter can read

    files.size(path)
    try:
        scanned = pl.scan_parquet(path)
        rows = int(scanned.select(pl.len()).collect().item())
        files.too_many(rows, len(columns or scanned.collect_schema()))
        frame = pl.read_parquet(path)
        frame = frame if columns is None else frame.select(columns)
        return frame.cast(pl.Float64).to_numpy()
    except pl.exceptions.PolarsError as error:
        raise ValueError(str(error)) from None


def _index(header: list[str], columns: tuple[str, ...] | None) -> list[int]:
    places = {name: place for place, name in enumerate(header)}
    absent = [name for name in columns or () if name not in places]
    if absent:
        raise ValueError(f"there is no column '{absent[0]}'; there are {', '.join(header)}")
    names, times = columns or header, Counter(header)
    if twice := [name for name in names if times[name] > 1]:
        raise ValueError(f"there are {times[twice[0]]} columns '{twice[0]}'")
    return [places[name] for name in names]
