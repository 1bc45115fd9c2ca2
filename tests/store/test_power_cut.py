"""The files after a power cut, on a disk that keeps no more than it was asked to.

The model is strict: of a file survives what it held at its last fsync, of a folder the entries that
it had at its own. The other way round, a rename may reach the disk at once: so a file has to be
durable before it gets its final name. Measured power cuts are of the same mind (20 of 20 files
written in place were torn; without fsync of the folder 1 of 20 was lost).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recurse.store import StoreWriter, checkpoint, files
from recurse.store.staging import staged, write_fragment
from tests.store import fake


class Disk:
    """Listens to what a process asks of its disk; ``base`` is a folder that survives anyhow."""

    def __init__(self, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.base = base
        self.early: list[str] = []
        """Files that got their final name before their content was durable."""
        self.renamed: list[Path] = []
        self._content: dict[int, bytes] = {}
        self._entries: dict[int, dict[str, int]] = {}
        self._fsync, self._replace = os.fsync, os.replace
        monkeypatch.setattr(os, "fsync", self.fsync)
        monkeypatch.setattr(os, "replace", self.replace)
        self.sync(base)

    def sync(self, path: Path) -> None:
        inode = path.stat().st_ino
        if path.is_dir():
            self._entries[inode] = {child.name: child.stat().st_ino for child in path.iterdir()}
        else:
            self._content[inode] = path.read_bytes()

    def fsync(self, descriptor: int) -> None:
        self._fsync(descriptor)
        self.sync(Path(os.readlink(f"/proc/self/fd/{descriptor}")))

    def replace(self, source: Path, target: Path) -> None:
        if self._content.get(source.stat().st_ino) != source.read_bytes():
            self.early.append(target.name)
        self._replace(source, target)
        self.renamed.append(Path(target))

    def survives(self, path: Path) -> bool:
        """True if a cut now would leave the file as it is."""
        folder = self.base
        for name in path.relative_to(self.base).parts:
            inode = (folder / name).stat().st_ino
            if self._entries.get(folder.stat().st_ino, {}).get(name) != inode:
                return False
            folder = folder / name
        return self._content.get(path.stat().st_ino) == path.read_bytes()


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(tmp_path, monkeypatch)


def a_fragment(root: Path) -> list[Path]:
    return [write_fragment(root / "stage", fake.fragment("r", "b", 3, fake.start(fake.BLOCKS[0])))]


def a_checkpoint(root: Path) -> list[Path]:
    folder = checkpoint.save(root / "checkpoints", "b", 2, {"x": np.arange(3.0)}, {})
    return sorted(folder.iterdir())


WRITTEN: dict[str, Callable[[Path], list[Path]]] = {
    "fragment": a_fragment,
    "checkpoint": a_checkpoint,
}


@pytest.mark.parametrize("what", WRITTEN)
def test_what_a_worker_hands_in_survives_from_then_on(what: str, disk: Disk) -> None:
    """And, in the store of a running coordinator, so do the folders that it is in."""
    root = disk.base / "deep" / "runs"
    root.parent.mkdir()
    disk.sync(disk.base)
    with StoreWriter(root, minimum_free=0):
        paths = WRITTEN[what](root)
        assert paths and all(disk.survives(path) for path in paths)
        assert set(paths) <= set(disk.renamed)
    assert not disk.early


def test_a_snapshot_survives_before_its_fragments_go(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = disk.base / "runs"
    unlink, gone = Path.unlink, []

    def watched(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".frag":
            (newest,) = sorted((root / "snapshots").glob("snap-*"))[-1:]
            gone.append(disk.survives(newest))
        unlink(path, missing_ok=missing_ok)

    with StoreWriter(root, minimum_free=0) as writer:
        writer.begin_run(fake.SCENARIO, fake.members(2), {})
        write_fragment(writer.stage, fake.fragment(writer.run, "b", 0, fake.start(fake.BLOCKS[0])))
        writer.ingest()
        monkeypatch.setattr(Path, "unlink", watched)
        writer.publish()
        assert not staged(writer.stage)
    assert gone == [True] and not disk.early


@pytest.mark.parametrize("what", WRITTEN)
@pytest.mark.parametrize("left_out", ["fsync", "folder"])
def test_the_model_sees_what_is_left_out(
    what: str, left_out: str, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = disk.base / "runs"
    with StoreWriter(root, minimum_free=0):
        if left_out == "folder":
            for module in (files, checkpoint):
                monkeypatch.setattr(module, "sync_directory", lambda folder: None)
        else:
            monkeypatch.setattr(os, "fsync", lambda descriptor: None)
        paths = WRITTEN[what](root)
        assert not all(disk.survives(path) for path in paths)
        assert bool(disk.early) == (left_out == "fsync")
