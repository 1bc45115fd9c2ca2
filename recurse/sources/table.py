"""The user's own numbers: a csv, parquet or npy file, one row per sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recurse.numerics.arrays import Fields
from recurse.numerics.streams import Streams
from recurse.reading import csvfile, files, tables
from recurse.sources import Source, pick


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
        return {"x": (self._look().columns,)}

    @property
    def counted(self) -> bool:
        return self._look().rows is not None

    def available(self) -> int | None:
        total = self._total()
        return total - self._held(total)

    def digest(self) -> str:
        return files.digest(Path(self.path))

    def footprint(self) -> int:
        """Its values in double precision, twice: they are shuffled once."""
        return 2 * 8 * self._total() * self._look().columns

    def draw(self, streams: Streams, generation: int, purpose: str, n: int) -> Fields:
        rows = self._rows()[self._held(self._total()) :]
        return {"x": rows[pick(streams, generation, purpose, len(rows), n)]}

    def heldout(self) -> Mapping[str, NDArray[Any]]:
        return {"x": self._rows()[: self._held(self._total())]}

    def problems(self) -> list[tuple[str, str, str]]:
        return self._tried(lambda: self._look().rows)

    def flaws(self) -> list[tuple[str, str, str]]:
        return self._tried(lambda: len(self._rows()))

    def _tried(self, count: Callable[[], int | None]) -> list[tuple[str, str, str]]:
        """The faults of the file, or of the number of its rows."""
        try:
            total = count()
        except csvfile.Misplaced as error:
            return [("path", "E208", str(error))]
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            return [("path", "E208", f"cannot read '{self.path}': {why}")]
        if total is not None and self._held(total) < 2:
            return [
                ("test", "E204", f"holds out {self._held(total)} of {total} rows; 2 are needed")
            ]
        return []

    def _total(self) -> int:
        """The number of rows; reads all of them if nothing less tells."""
        known = self._look().rows
        return len(self._rows()) if known is None else known

    def _held(self, total: int) -> int:
        return round(self.test * total)

    def _look(self) -> tables.Look:
        path = Path(self.path)
        return _look(path, self.columns, path.stat().st_mtime_ns)

    def _rows(self) -> NDArray[np.float64]:
        """All rows ``[N, d]``, shuffled once in a way that depends on their number only."""
        path = Path(self.path)
        return _read(path, self.columns, path.stat().st_mtime_ns)


@cache
def _look(path: Path, columns: tuple[str, ...] | None, _version: int) -> tables.Look:
    return tables.look(path, columns)


@cache
def _read(path: Path, columns: tuple[str, ...] | None, _version: int) -> NDArray[np.float64]:
    rows = tables.read(path, columns)
    return rows[np.random.Generator(np.random.Philox(key=len(rows))).permutation(len(rows))]
