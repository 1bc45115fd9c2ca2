"""A damaged log or database is set aside, and what was committed comes back."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import pytest

from recurse.store import Store, StoreWriter
from recurse.store.database import DATABASE
from recurse.store.staging import write_fragment
from tests.store import fake

LOG = f"{DATABASE}.wal"


@pytest.fixture
def killed(root: Path, tmp_path: Path) -> Path:
    """A store as a killed run leaves it: rows in the log only, their fragments still staged."""
    elsewhere = tmp_path / "live"
    with StoreWriter(elsewhere, minimum_free=0) as writer:
        run = writer.begin_run(fake.SCENARIO, fake.members(3), {})
        state = fake.start("b0")
        for generation in range(4):
            write_fragment(writer.stage, fake.fragment(run, "b0", generation, state))
            writer.ingest()
            if generation == 1:
                writer.publish()
        shutil.copytree(elsewhere, root)
        assert (root / LOG).stat().st_size > 1000
    return root


def done(root: Path) -> list[int]:
    with StoreWriter(root, minimum_free=0) as writer:
        writer.ingest()
        history = writer.history()
        return [history[fake.cell("b0", seed)].generations_done for seed in range(fake.SEEDS)]


def test_a_whole_log_is_replayed(killed: Path) -> None:
    shutil.rmtree(killed / "stage")
    assert done(killed) == [3, 3, 3]
    assert not (killed / "quarantine").exists()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_log_loses_nothing(killed: Path, share: float) -> None:
    content = (killed / LOG).read_bytes()
    (killed / LOG).write_bytes(content[: int(share * len(content))])
    assert done(killed) == [3, 3, 3]


def test_a_log_with_rubbish_in_it_is_set_aside_and_loses_nothing(killed: Path) -> None:
    random = Random(3)
    content = (killed / LOG).read_bytes()
    saved = killed.with_name("saved")
    shutil.copytree(killed, saved)
    quarantined = 0
    for _ in range(8):
        shutil.rmtree(killed)
        shutil.copytree(saved, killed)
        damaged = bytearray(content)
        start = random.randrange(len(damaged) - 64)
        damaged[start : start + 64] = random.randbytes(64)
        (killed / LOG).write_bytes(damaged)
        with StoreWriter(killed, minimum_free=0) as writer:
            writer.ingest()
        assert done(killed) == [3, 3, 3]
        if list(killed.glob(f"quarantine/*/{LOG}")):
            quarantined += 1
            assert "moved its log" in " ".join(writer.messages)
            assert "could not be opened" in writer.messages[0]
    assert quarantined >= 4


@pytest.mark.parametrize("damage", ["rubbish", "cut", "missing"])
def test_a_lost_database_comes_back_from_snapshot_and_stage(killed: Path, damage: str) -> None:
    database = killed / DATABASE
    if damage == "rubbish":
        database.write_bytes(Random(1).randbytes(5000))
    elif damage == "cut":
        database.write_bytes(database.read_bytes()[:4000])
    else:
        database.unlink()
    assert done(killed) == [3, 3, 3]
    with Store(killed) as store:
        assert store.scenario(fake.NAME)["title"] == fake.SCENARIO.title


def test_a_store_without_database_and_snapshots_is_rebuilt_from_the_stage(root: Path) -> None:
    state = fake.start("b0")
    for generation in range(4):
        write_fragment(root / "stage", fake.fragment("r", "b0", generation, state))
    (root / DATABASE).write_bytes(b"not a database")
    assert done(root) == [3, 3, 3]
    assert (next((root / "quarantine").rglob(DATABASE))).read_bytes() == b"not a database"


@pytest.mark.parametrize("lost", [True, False])
def test_what_a_broken_database_has_lost_while_it_was_open_is_taken_in_again(
    root: Path, lost: bool
) -> None:
    """Committed once already, it is not forgotten until a snapshot has it; nothing comes twice."""
    with StoreWriter(root, minimum_free=0) as writer:
        path = write_fragment(writer.stage, fake.fragment("r", "b0", 0, fake.start("b0")))
        assert len(writer.ingest().committed) == 1
        if lost:
            for file in root.glob(f"{DATABASE}*"):
                file.write_bytes(b"rubbish" * 5000)
        writer._reopen()
        report = writer.ingest()
        assert report.committed == (("b0", 0, 3 if lost else 0),)
        assert report.known == (0 if lost else 3)
        assert writer.ingest().committed == ()
        writer.publish()
        assert not path.exists()
    with Store(root) as store:
        assert store.sql("SELECT count(*) FROM generations").item() == fake.SEEDS


@pytest.mark.parametrize("where", ["stage and log", "log"])
def test_a_reader_takes_in_what_a_killed_run_left(killed: Path, where: str) -> None:
    if where == "log":
        for path in (killed / "stage").iterdir():
            path.unlink()
    with Store(killed) as store:
        assert store.sql("SELECT count(*) AS n FROM generations").item() == 4 * fake.SEEDS
    assert not list((killed / "stage").iterdir())
    assert done(killed) == [3, 3, 3]
