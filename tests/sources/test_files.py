"""Tables and texts are regular files of a bounded size, refused by what they say of themselves."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from recurse.reading import files
from recurse.reading.csvfile import column_places
from recurse.sources.table import Table
from recurse.sources.text import decoded


def promised(path: Path, shape: str) -> None:
    """An .npy file whose header promises more than there is."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (117 - len(header)) + b"\n"
    size = struct.pack("<H", len(header))
    path.write_bytes(b"\x93NUMPY\x01\x00" + size + header + b"0" * 80)


MADE: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "a pipe": ("t.csv", os.mkfifo, "no regular file"),
    "a folder": ("t.npy", lambda path: path.mkdir(), "no regular file"),
    "a device": ("t.csv", lambda path: path.symlink_to("/dev/zero"), "no regular file"),
    "a header that lies": ("t.npy", lambda path: promised(path, "(10**12, 1)"), "no sound"),
    "a huge header": ("t.npy", lambda p: promised(p, "(1000000000000, 1)"), "1,000,000,000,000"),
    "a short file": ("t.npy", lambda path: promised(path, "(1000000, 1)"), "file is shorter"),
    "objects": ("t.npy", lambda path: np.save(path, np.array([{}] * 9)), "Python objects"),
    "no number in Python's way": ("t.csv", lambda p: p.write_text("a\n" + "1_0\n" * 9), "'1_0'"),
    "digits of others": ("t.csv", lambda p: p.write_text("a\n" + "٣\n" * 9), "no number"),
    "no file": ("t.csv", lambda path: None, "No such file or directory"),
}


@pytest.mark.parametrize("name", MADE)
def test_what_is_no_table_is_refused_in_words(tmp_path: Path, name: str) -> None:
    file, make, words = MADE[name]
    make(tmp_path / file)
    ((path, code, message),) = Table(path=str(tmp_path / file)).problems()
    assert (path, code) == ("path", "E208") and words in message


def test_rows_are_counted_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a parquet file from its metadata, of a csv by its size; nothing is read."""
    table = tmp_path / "t.parquet"
    pl.DataFrame({"a": np.zeros(5000, dtype=np.int8), "b": np.zeros(5000)}).write_parquet(table)
    monkeypatch.setattr(files, "MOST_VALUES", 9999)
    monkeypatch.setattr(pl.LazyFrame, "head", lambda *some: pytest.fail("was read"))
    ((_, _, message),) = Table(path=str(table)).problems()
    assert "5,000 rows of 2 columns; the limit is 9,999 values" in message
    large = tmp_path / "t.csv"
    large.write_text("a\n")
    os.truncate(large, 300 << 20)
    ((_, _, message),) = Table(path=str(large)).problems()
    assert "300 MiB; the limit is 256 MiB" in message


@pytest.mark.parametrize("text", ["1", "-2.5e-3", "+.5", "3.", " 7 ", "1E5"])
def test_numbers_as_json_writes_them_are_taken(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "".join(f"{text},{i}\n" for i in range(20)))
    assert Table(path=str(path)).problems() == []


def test_a_text_that_is_too_long_is_refused_and_one_that_grows(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("word " * 100)
    assert decoded(files.content(path, 500)).split() == ["word"] * 100
    with pytest.raises(ValueError, match="the limit is"):
        files.content(path, 499)
    with pytest.raises(ValueError, match="no regular file"):
        files.content(Path("/dev/zero"), 10)


def test_values_of_a_csv_are_counted_while_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small file has many short numbers; the rows after the limit are not read."""
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "1,2\n" * 50 + "broken\n")
    monkeypatch.setattr(files, "MOST_VALUES", 99)
    ((_, code, message),) = Table(path=str(path)).problems()
    assert code == "E208" and "50 rows of 2 columns; the limit is 99 values" in message


def test_columns_are_found_in_one_pass() -> None:
    """Work that grows with the square of the columns does not end for a million of them."""

    class Header(list[str]):
        def index(self, *_: object) -> int:
            return pytest.fail("searches the header once a column")

        count = index

    assert column_places(Header(["a", "b", "c"]), ("c", "a")) == [2, 0]
