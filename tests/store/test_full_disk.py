"""A full disk: one clear error, nothing that was committed is lost, and the run goes on later.

Everywhere, the writer runs under a limit on the size of files. Where mounting is allowed, it also
runs on a file system of a few megabytes; the names of the tests say which.
"""

from __future__ import annotations

import errno
import multiprocessing
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from recurse.store import Store, StoreWriter, snapshot
from recurse.store.database import StoreFull
from recurse.store.staging import Fragment, staged, write_fragment
from tests.store import fake

SERVER = multiprocessing.get_context("forkserver")
CELLS = 800
LIMIT = 4 * 2**20


def mount(folder: str, options: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", options, "none", folder]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def can_mount() -> bool:
    with TemporaryDirectory() as folder:
        if mount(folder, "size=1m"):
            subprocess.run(["umount", folder], check=True)
            return True
    return False


KINDS = ["limit", "5m", "7m", "10m"] if can_mount() else ["limit"]


@pytest.fixture(params=KINDS)
def scarce(
    request: pytest.FixtureRequest, root: Path
) -> Iterator[tuple[Path, int, Callable[[], object]]]:
    """A place for a store, the limit on files there, and what to call to lift the scarcity."""
    if request.param == "limit":
        yield root, LIMIT, lambda: None
        return
    with TemporaryDirectory() as folder:
        assert mount(folder, f"size={request.param}")
        more = ["mount", "-o", "remount,size=64m", folder]
        yield Path(folder) / "runs", 0, lambda: subprocess.run(more, check=True)
        subprocess.run(["umount", "--lazy", folder], check=True)


def big(run: str, generation: int) -> Fragment:
    """A fragment with numbers that do not compress."""
    cells = tuple(f"{generation:016x}{number:016x}" for number in range(CELLS))
    values = np.random.default_rng(generation).normal(size=(CELLS, 4))
    return Fragment(run, "b", generation, cells, ("a", "b", "c", "d"), values)


def hand_in(path: Path, stage: Path, spare: Path) -> None:
    """A link takes no space to speak of: the database is what has to find the disk full."""
    try:
        (stage / path.name).symlink_to(path)
    except OSError:
        spare.unlink()
        (stage / path.name).symlink_to(path)


def fill(store: Path, beside: Path, limit: int) -> None:
    """Ingest until there is no space; notes down what was acknowledged, and the error."""
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    spare = store.with_name("spare")
    spare.parent.mkdir(parents=True, exist_ok=True)
    spare.write_bytes(bytes(1 << 12))
    try:
        with StoreWriter(store, minimum_free=0) as writer:
            run = writer.begin_run(fake.SCENARIO, fake.members(1), {})
            for generation in range(100):
                hand_in(write_fragment(beside, big(run, generation)), writer.stage, spare)
                writer.ingest()
                (beside / "acknowledged").write_text(str(generation + 1))
                if generation == 0:
                    writer.publish()
    except StoreFull as error:
        (beside / "error").write_text(str(error))


def test_what_was_committed_survives(
    scarce: tuple[Path, int, Callable[[], object]], tmp_path: Path
) -> None:
    store, limit, lift = scarce
    child = SERVER.Process(target=fill, args=(store, tmp_path, limit))
    child.start()
    child.join()
    child.close()
    assert "is full" in (tmp_path / "error").read_text()
    assert "free some space and run the same command again" in (tmp_path / "error").read_text()
    acknowledged = int((tmp_path / "acknowledged").read_text())
    assert acknowledged >= 2
    with Store(store) as reader:
        first = reader.sql("SELECT value FROM metrics WHERE generation = 0 ORDER BY value")
    assert first["value"].to_list() == sorted(big("r", 0).values.ravel())
    lift()
    with StoreWriter(store, minimum_free=0) as writer:
        writer.ingest()
    with Store(store) as reader:
        rows = reader.sql("SELECT generation, count(*) FROM generations GROUP BY ALL").rows()
        measured = reader.sql("SELECT generation, count(*) FROM metrics GROUP BY ALL").rows()
    # The generation that hit the wall was staged: it comes in as well.
    assert sorted(rows) == [(generation, CELLS) for generation in range(acknowledged + 1)]
    assert sorted(measured) == [(generation, 4 * CELLS) for generation in range(acknowledged + 1)]
    assert staged(store / "stage") == []


def test_a_snapshot_that_does_not_fit_leaves_the_one_before(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with StoreWriter(root, minimum_free=0) as writer:
        run = writer.begin_run(fake.SCENARIO, fake.members(1), {})
        writer.publish()
        write_fragment(writer.stage, fake.fragment(run, "b0", 0, fake.start("b0")))
        writer.ingest()
        with monkeypatch.context() as patched:
            patched.setattr(snapshot, "sync_file", no_space)
            with pytest.raises(StoreFull):
                writer.publish()
        assert [path.name for path in (root / "snapshots").iterdir()] == ["snap-000001.duckdb"]
        assert len(staged(writer.stage)) == 1
        assert writer.publish().name == "snap-000002.duckdb"
        assert staged(writer.stage) == []


def test_a_nearly_full_disk_is_refused_before_anything_is_written(root: Path) -> None:
    with pytest.raises(StoreFull, match="is full"):
        StoreWriter(root, minimum_free=2**62)
    assert not (root / "store.duckdb").exists()
    StoreWriter(root, minimum_free=0).close()
