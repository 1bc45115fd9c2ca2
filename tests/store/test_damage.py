"""No truncation and no flipped bit of the database, its log or a snapshot loses a generation."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import duckdb
import pytest

from recurse.reading.problems import RecurseError
from recurse.store import Store, StoreWriter, repair, snapshot, soundness
from recurse.store.database import DATABASE
from recurse.store.reader import StoreMissing
from recurse.store.staging import write_fragment
from tests.store import fake

LAST = 3
ROWS = (LAST + 1) * fake.SEEDS


@pytest.fixture
def killed(root: Path, tmp_path: Path) -> Path:
    """A store as a killed run leaves it: two snapshots, newer rows in the log and staged."""
    elsewhere = tmp_path / "live"
    with StoreWriter(elsewhere, minimum_free=0) as writer:
        run = writer.begin_run(fake.SCENARIO, fake.members(LAST), {})
        state = fake.start("b0")
        for generation in range(LAST + 1):
            write_fragment(writer.stage, fake.fragment(run, "b0", generation, state))
            writer.ingest()
            if generation < 2:
                writer.publish()
        shutil.copytree(elsewhere, root)
    return root


def closed(killed: Path) -> Path:
    """The same store after its next writer has left: all in the newest of two snapshots."""
    with StoreWriter(killed, minimum_free=0) as writer:
        writer.ingest()
    return killed


def truncated(path: Path, random: Random) -> None:
    os.truncate(path, int(path.stat().st_size * random.random()))


def flipped(path: Path, random: Random) -> None:
    content = bytearray(path.read_bytes())
    content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    path.write_bytes(content)


def stored(root: Path) -> int:
    """Generations of cells as a reader sees them, whose first look is a query."""
    with Store(root) as store:
        return int(store.sql("SELECT count(*) AS n FROM v_metrics WHERE metric = 'loss'")["n"][0])


def broken_inside(path: Path) -> None:
    """One bit of the values of a metric flipped: the file opens, and a query finds it."""
    whole = path.read_bytes()
    for place in range(len(whole) - 100, 0, -4096):
        content = bytearray(whole)
        content[place] ^= 1
        path.write_bytes(content)
        with suppress(duckdb.Error), duckdb.connect(str(path), read_only=True) as opened:
            opened.execute("SELECT count(*) FROM cells").fetchall()
            with pytest.raises(duckdb.Error):
                opened.execute("SELECT sum(value) FROM v_metrics").fetchall()
            return
    raise AssertionError("no such place")


@pytest.mark.parametrize("damage", [truncated, flipped])
@pytest.mark.parametrize("what", ["database", "log", "snapshot"])
@pytest.mark.parametrize("seed", range(8))
def test_nothing_is_lost(
    killed: Path, what: str, damage: Callable[[Path, Random], None], seed: int
) -> None:
    """A reader that looks three times, as other programs touch the file; then the writer."""
    random = Random(f"{what} {seed}")
    root = killed if what == "log" or seed % 2 else closed(killed)
    newest = snapshot.newest(root)
    assert newest is not None
    damage({"database": root / DATABASE, "log": root / f"{DATABASE}.wal"}.get(what, newest), random)
    for _ in range(3):
        assert stored(root) == ROWS
        os.utime(root / DATABASE)
    assert snapshot.newest_whole(root) is not None
    with StoreWriter(root, minimum_free=0) as writer:
        writer.ingest()
        assert sum(cell.generations_done + 1 for cell in writer.history().values()) == ROWS


def test_damage_does_not_become_a_snapshot(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command of the report: damaged while it is open, published three times."""
    with StoreWriter(root, minimum_free=0) as writer:
        run = writer.begin_run(fake.SCENARIO, fake.members(0), {})
        write_fragment(writer.stage, fake.fragment(run, "b0", 0, fake.start("b0")))
        writer.ingest()
        writer.publish()
        copy = snapshot._copy

        def damaged(source: Path, target: Path) -> None:
            copy(source, target)
            os.truncate(target, target.stat().st_size // 2)

        monkeypatch.setattr(snapshot, "_copy", damaged)
        for _ in range(3):
            with pytest.raises(RecurseError, match="damaged"):
                writer.publish()
        monkeypatch.undo()
        assert [soundness.examined(path)[1] for path in snapshot.published(root)] == [""]
        assert sum(cell.generations_done + 1 for cell in writer.history().values()) == fake.SEEDS


def test_a_reader_leaves_a_snapshot_that_breaks_under_a_query(killed: Path) -> None:
    """While somebody writes there is no new one: the older one serves, and that is said."""
    root = closed(killed)
    newest = snapshot.newest(root)
    assert newest is not None
    said: list[str] = []
    broken_inside(newest)
    with StoreWriter(root, minimum_free=0), Store(root, said.append) as store:
        assert store.metrics(fake.NAME).height > 0
    assert any(newest.name in text and "damaged" in text for text in said)
    assert said[-1] == f"reading {snapshot.published(root)[0].name}"


def test_check_says_what_is_whole_and_rebuild_restores_the_best(killed: Path) -> None:
    root = closed(killed)
    assert {each.damage for each in repair.check(root)} == {""}
    truncated(root / DATABASE, Random(1))
    newest = snapshot.newest(root)
    assert newest is not None
    flipped(newest, Random(2))
    state = {each.name: bool(each.damage) for each in repair.check(root)}
    assert state[DATABASE]
    said = repair.rebuild(root)
    assert "restored" in said[0] and "published" in said[-1]
    assert {each.damage for each in repair.check(root) if each.name == DATABASE} == {""}
    assert stored(root) > 0 and any((root / "quarantine").iterdir())


def test_a_foreign_database_reaches_no_file_through_the_writer(root: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("k")
    with StoreWriter(root, minimum_free=0) as writer:
        writer.begin_run(fake.SCENARIO, fake.members(0), {})
    with duckdb.connect(str(root / DATABASE)) as foreign:
        foreign.execute("ALTER TABLE generations RENAME TO before")
        foreign.execute(
            "CREATE VIEW generations AS SELECT content AS cell, 0 AS generation "
            f"FROM read_text('{secret}')"
        )
    with StoreWriter(root, minimum_free=0) as writer:
        with pytest.raises(duckdb.Error, match="disabled"):
            writer._connection.execute("SELECT cell FROM generations").fetchall()
        for query in (f"COPY cells TO '{tmp_path / 'out'}'", "SET enable_external_access = true"):
            with pytest.raises(duckdb.Error):
                writer._connection.execute(query)
    assert not (tmp_path / "out").exists()


def test_a_store_without_a_snapshot_says_why(root: Path) -> None:
    with StoreWriter(root, minimum_free=0), pytest.raises(StoreMissing, match="nothing to read"):
        Store(root)
    with pytest.raises(StoreMissing, match="no store at"):
        Store(root / "elsewhere")


@pytest.mark.parametrize("name", ["a\\b", "a?b"])
def test_a_path_that_duckdb_takes_for_another_is_refused(root: Path, name: str) -> None:
    for opened in (Store, StoreWriter):
        with pytest.raises(RecurseError, match="something else"):
            opened(root / name)
    assert not (root / name).exists()


def test_a_folder_among_fragments_and_a_log_of_rubbish_are_no_obstacle(killed: Path) -> None:
    (killed / "stage" / "x.frag").mkdir()
    assert stored(killed) == ROWS
    (killed / f"{DATABASE}.wal").write_bytes(Random(5).randbytes(3000))
    os.utime(killed / DATABASE)
    assert stored(killed) == ROWS
    with StoreWriter(killed, minimum_free=0) as writer:
        writer.publish()
    assert {each.damage for each in repair.check(killed) if each.name == DATABASE} == {""}
