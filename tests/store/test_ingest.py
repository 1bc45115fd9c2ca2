"""Rows come in once, whatever is handed in, and nothing that differs slips through."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest

from recurse.store import StoreWriter, database
from recurse.store import ingest as ingesting
from recurse.store.database import StoreDamaged
from recurse.store.ingest import DivergentRerun
from recurse.store.staging import Fragment, staged, write_fragment
from tests.store import fake

CELLS = tuple(fake.cell("b0", seed) for seed in range(fake.SEEDS))
STATE = fake.start("b0")


def some(generation: int = 0, **changes: object) -> Fragment:
    return replace(fake.fragment("r1", "b0", generation, STATE), **changes)


def count(writer: StoreWriter) -> tuple[int, ...]:
    """Rows in generations, metrics, artifacts, failures, numerics."""
    tables = ("generations", "metrics", "artifacts", "failures", "numerics")
    connection = writer._connection
    return tuple(
        connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0] for table in tables
    )


@pytest.fixture
def writer(root: Path) -> StoreWriter:
    with StoreWriter(root, minimum_free=0) as writer:
        yield writer


def test_the_report_says_what_came_in(writer: StoreWriter) -> None:
    write_fragment(writer.stage, some(0))
    write_fragment(writer.stage, some(1, failures={CELLS[1]: "loss is nan"}))
    report = writer.ingest()
    assert report.committed == (("b0", 0, 3), ("b0", 1, 2))
    assert report.failures == ((CELLS[1], 1, "loss is nan"),)
    assert (report.known, report.damaged) == (0, ())
    # Generation 0 has both metrics, generation 1 only one of them.
    assert count(writer) == (5, 8, 0, 1, 1)
    assert writer.ingest().committed == ()


def test_handing_in_again_changes_nothing(writer: StoreWriter) -> None:
    write_fragment(writer.stage, some(3, failures={CELLS[2]: "diverged"}))
    writer.ingest()
    writer.publish()
    before = count(writer)
    write_fragment(writer.stage, some(3, run="r2", seconds=9.0, failures={CELLS[2]: "again"}))
    write_fragment(writer.stage, some(3, run="r3", block="b9", failures={CELLS[2]: "again"}))
    stranger = some(3, run="r4", cells=(), values=np.empty((0, 2)), artifacts=())
    for run in ("r4", "r5"):
        write_fragment(writer.stage, replace(stranger, run=run, failures={CELLS[2]: "again"}))
    report = writer.ingest()
    assert report.known == 4
    assert count(writer) == before == (2, 2, 1, 1, 1)


def test_other_numbers_for_the_same_generation_are_an_error(
    writer: StoreWriter, root: Path
) -> None:
    write_fragment(writer.stage, some(0))
    writer.ingest()
    values = some(0).values.copy()
    values[1, 0] = np.nextafter(values[1, 0], 1)
    wrong = write_fragment(writer.stage, some(0, run="r2", values=values))
    write_fragment(writer.stage, some(1, run="r2"))
    with pytest.raises(DivergentRerun) as caught:
        writer.ingest()
    text = str(caught.value)
    assert f"cell {CELLS[1]} generation 0: run r1 (block b0) stored" in text
    assert f"run r2 (block b0, {wrong.name}) has" in text and "numerics class" not in text
    assert (root / "quarantine" / wrong.name).exists()
    # What is stored is kept, the rest came in, and the next call goes on.
    assert count(writer)[0] == 6
    assert writer.ingest().committed == ()
    assert writer._connection.execute(
        "SELECT value FROM metrics WHERE cell = ? AND generation = 0 AND metric = 'loss'",
        [CELLS[1]],
    ).fetchall() == [(STATE[1],)]


def test_only_rows_that_may_be_known_are_looked_up(
    writer: StoreWriter, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To look is to read all that any run has stored; a later writer knows as much."""
    looked: list[int] = []
    real = ingesting._compare

    def counted(*given: object) -> object:
        looked.append(len(given[3]))
        return real(*given)

    monkeypatch.setattr(ingesting, "_compare", counted)
    for generation in (0, 1, 3):
        write_fragment(writer.stage, some(generation))
        writer.ingest()
    writer.close()
    with StoreWriter(root, minimum_free=0) as later:
        for generation in (4, 2, 3):
            write_fragment(later.stage, some(generation))
            later.ingest()
        assert count(later)[0] == 5 * fake.SEEDS
    assert looked == [0, 0, 0, 0, fake.SEEDS, fake.SEEDS]


def test_another_numerics_class_is_named(writer: StoreWriter) -> None:
    write_fragment(writer.stage, some(0))
    writer.ingest()
    write_fragment(writer.stage, some(0, values=some(0).values + 1e-9, numerics={"threads": 2}))
    with pytest.raises(DivergentRerun, match=r"numerics class [0-9a-f]{16} then, [0-9a-f]{16} now"):
        writer.ingest()


def test_the_same_generation_twice_in_one_go_is_compared_too(writer: StoreWriter) -> None:
    write_fragment(writer.stage, some(0))
    write_fragment(writer.stage, some(0, run="r2"))
    write_fragment(writer.stage, some(0, run="r3", values=some(0).values + 1))
    with pytest.raises(DivergentRerun, match="run r3"):
        writer.ingest()
    assert count(writer)[:2] == (3, 6)


@pytest.mark.parametrize("damage", ["cut", "bit"])
def test_a_damaged_file_is_set_aside_and_the_others_come_in(
    writer: StoreWriter, root: Path, damage: str
) -> None:
    paths = [write_fragment(writer.stage, some(generation)) for generation in range(3)]
    content = bytearray(paths[1].read_bytes())
    content[len(content) // 2] ^= 1
    paths[1].write_bytes(content[: len(content) // 2] if damage == "cut" else content)
    report = writer.ingest()
    assert report.damaged == (paths[1].name,)
    assert "is damaged" in writer.messages[0] and "computed anew" in writer.messages[0]
    assert (root / "quarantine" / paths[1].name).exists()
    assert [generation for _, generation, _ in report.committed] == [0, 2]
    assert writer.history()[CELLS[0]].generations_done == 0
    write_fragment(writer.stage, some(1))
    writer.ingest()
    assert writer.history()[CELLS[0]].generations_done == 2


def test_infinite_values_and_zero_signs_are_kept(writer: StoreWriter) -> None:
    values = np.array([[np.inf, -0.0], [-np.inf, 5e-324], [np.nan, 1.0]])
    write_fragment(writer.stage, some(0, values=values))
    writer.ingest()
    rows = writer._connection.execute("SELECT cell, metric, value FROM metrics").fetchall()
    found = {(cell, metric): np.float64(value).tobytes() for cell, metric, value in rows}
    expected = {
        (cell, metric): values[row, column].tobytes()
        for row, cell in enumerate(CELLS)
        for column, metric in enumerate(fake.METRICS)
        if not np.isnan(values[row, column])
    }
    assert found == expected


@pytest.mark.parametrize("happened", [True, False])
@pytest.mark.parametrize("fatal", [True, False])
def test_an_exception_from_commit_is_not_taken_for_a_failure(
    writer: StoreWriter, monkeypatch: pytest.MonkeyPatch, happened: bool, fatal: bool
) -> None:
    write_fragment(writer.stage, some(3))
    failing = Failing(writer._connection, "COMMIT", happened, fatal)
    monkeypatch.setattr(writer, "_connection", failing)
    report = writer.ingest()
    assert failing.failed
    assert count(writer) == (3, 3, 1, 0, 1)
    assert len(report.committed) == 1 and writer._connection is not failing
    writer.publish()
    assert staged(writer.stage) == []


def test_a_failure_that_stays_is_an_error_and_the_fragment_stays(
    writer: StoreWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_fragment(writer.stage, some(3))

    def never(*arguments: object) -> None:
        raise duckdb.InternalException("Internal Error: broken")

    with monkeypatch.context() as patched:
        patched.setattr(database, "commit", never)
        with pytest.raises(StoreDamaged, match="Internal Error: broken"):
            writer.ingest()
    assert len(staged(writer.stage)) == 1
    assert writer.ingest().committed == (("b0", 3, 3),)


def test_many_small_fragments_are_taken_in_at_once(writer: StoreWriter) -> None:
    metrics = tuple(f"m{number}" for number in range(50))
    random = np.random.default_rng(0)
    for number in range(500):
        values = random.normal(size=(1, 50))
        fragment = Fragment("r", "b", number, (CELLS[0],), metrics, values)
        write_fragment(writer.stage, fragment)
    report = writer.ingest()
    assert len(report.committed) == 500 and count(writer)[1] == 25_000


class Failing:
    """A connection whose first statement of a kind raises, after or instead of doing it."""

    def __init__(
        self, inner: duckdb.DuckDBPyConnection, statement: str, happened: bool, fatal: bool
    ) -> None:
        self._inner, self._statement, self._happened = inner, statement, happened
        self._error = duckdb.FatalException if fatal else duckdb.TransactionException
        self.failed = False

    def execute(self, query: str, *arguments: object) -> object:
        if query != self._statement or self.failed:
            return self._inner.execute(query, *arguments)
        self.failed = True
        if self._happened:
            self._inner.execute(query)
        raise self._error("the outcome is unknown")

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)
