"""A look at a table is bounded and right; all of it is read, and refused, before a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from recurse.planning import planner
from recurse.planning.planner import check, plan, require
from recurse.reading import csvfile, tables
from recurse.reading.csvfile import Misplaced
from recurse.reading.problems import Problems
from recurse.scenario.scenario import load
from recurse.sources.table import Table

LONG = 300_000


def long_csv(folder: Path, last: str = "1,2\n", rows: int = LONG) -> Path:
    """A csv that a look does not read to its end."""
    path = folder / "long.csv"
    path.write_text("a,b\n" + "1,2\n" * rows + last)
    assert path.stat().st_size > tables.HEAD
    return path


def spec(path: Path, real: int = 10) -> dict[str, Any]:
    return {
        "version": 1,
        "name": "x",
        "source": {"kind": "table", "path": str(path)},
        "model": "gaussian",
        "policy": "replace",
        "samples": {"real": real, "synthetic": 10},
        "generations": 1,
        "seeds": 1,
        "backend": "numpy",
        "metrics": ["test_nll"],
    }


def made(folder: Path, ending: str) -> Path:
    """Two columns of 5,000 rows."""
    values = np.random.default_rng(1).normal(size=(5000, 2))
    path = folder / f"t{ending}"
    if ending == ".npy":
        np.save(path, values)
    elif ending == ".parquet":
        pl.DataFrame(values, schema=["a", "b"]).write_parquet(path)
    else:
        pl.DataFrame(values, schema=["a", "b"]).write_csv(path)
    return path


@pytest.mark.parametrize("ending", [".csv", ".npy", ".parquet"])
def test_a_look_knows_what_reading_finds(tmp_path: Path, ending: str) -> None:
    path = made(tmp_path, ending)
    seen, rows = tables.look(path, None), tables.read(path, None)
    assert (seen.rows, seen.columns) == rows.shape == (5000, 2)
    assert np.array_equal(rows, tables.read(made(tmp_path, ".npy"), None))


def test_a_look_at_a_long_csv_reads_a_bounded_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, taken = long_csv(tmp_path, "1,x\n"), []
    parsed = csvfile.parsed
    monkeypatch.setattr(
        csvfile, "parsed", lambda *of, **how: taken.append(parsed(*of, **how)) or taken[-1]
    )
    assert tables.look(path, None) == tables.Look(2, None)
    assert sum(rows.nbytes for rows in taken) < 16 * tables.HEAD / 4
    source = Table(path=str(path))
    assert source.problems() == [] and not source.counted
    ((where, code, message),) = source.flaws()
    assert (where, code) == ("path", "E208")
    assert message.startswith(f"{path}:{LONG + 2}:3: 'x' in column 'b' is no number")


def test_validation_looks_and_a_plan_reads(tmp_path: Path) -> None:
    scenario = load(spec(long_csv(tmp_path, "1,nan\n")))
    check(scenario)
    for stage in (plan, require):
        with pytest.raises(Problems, match=r"E208.*long.csv:300002:3: 'nan' .* is not finite"):
            stage(scenario)


def test_rows_that_only_reading_counts_are_asked_for_before_a_run(tmp_path: Path) -> None:
    path = long_csv(tmp_path)
    enough = round(0.8 * (LONG + 1))
    plan(load(spec(path, enough)))
    scenario = load(spec(path, enough + 1))
    check(scenario)
    with pytest.raises(Problems, match=f"E205.*samples.real.*the source has {enough}"):
        plan(scenario)


def test_a_table_that_memory_cannot_hold_is_refused_at_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its size from the header; a run of it would hold twice that, and the replicate."""
    path = tmp_path / "t.npy"
    np.save(path, np.zeros((100_000, 30)))
    scenario = load(spec(path))
    monkeypatch.setattr(planner, "memory", lambda: 2 * 8 * 100_000 * 30)
    with pytest.raises(Problems, match=r"E206.*source.path.*and its data need about 0.0 GiB"):
        check(scenario)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a,b\n1,2\n1,x\n", "3:3"),
        ('a,b\n"1","x"\n', "2:5"),
        ('a,"b,c"\n1,2\n3,"4,5"\n', "3:3"),
        ("a,b\r\n1,2\r\n1\r\n", "3:2"),
        ('a,b\n"1\n",2\n1,x\n', "4:3"),
        ('a,b\n1,2\n1,"x\ny"\n', "3"),
        ("a,b\n1,2\n,2\n", "3:1"),
        ("a,b\n1,2\n1,\udcff\n", "3:3"),
    ],
)
def test_what_is_wrong_in_a_csv_has_its_line_and_column(
    tmp_path: Path, text: str, place: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")
    for look in (tables.look, tables.read):
        with pytest.raises(Misplaced) as raised:
            look(path, None)
        assert str(raised.value).startswith(f"{path}:{place}: ")


def test_a_row_longer_than_a_look_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    names = ",".join(f"column{i}" for i in range(100_000))
    path.write_text(names + "\n" + (",".join("7" * 100_000) + "\n") * 5)
    assert tables.look(path, None).columns == 100_000
