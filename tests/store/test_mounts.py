"""A store on a network file system is refused before anything is written; mountinfo is faked."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurse.reading.problems import RecurseError
from recurse.store import Store, StoreWriter, mounts
from recurse.store.mounts import FileSystem, NetworkStore, file_system

NETWORK = [
    "nfs", "nfs4", "cifs", "smb3", "9p", "lustre", "gpfs", "ceph", "beegfs", "afs",
    "fuse.sshfs", "fuse.rclone", "fuse.ceph-fuse",
]  # fmt: skip
LOCAL = [
    "ext4",
    "xfs",
    "btrfs",
    "zfs",
    "tmpfs",
    "overlay",
    "apfs",
    "fuseblk",
    "fuse.bindfs",
    "f2fs",
]


def mount(monkeypatch: pytest.MonkeyPatch, folder: Path, *mounted: tuple[str, str]) -> None:
    """Make the system say that these (kind, mount point) are mounted, in this order."""
    lines = [
        f"{36 + place} 35 98:0 / {point} rw,noatime master:1 - {kind} server:/x rw"
        for place, (kind, point) in enumerate(mounted)
    ]
    table = folder / "mountinfo"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.setattr(mounts, "MOUNTS", table)


@pytest.mark.parametrize("kind", [*NETWORK, *LOCAL])
def test_kinds(kind: str) -> None:
    assert FileSystem(kind, "/").network == (kind in NETWORK)


def test_the_innermost_and_newest_mount_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    odd = tmp_path / "my data"
    odd.mkdir()
    (tmp_path / "link").symlink_to(odd)
    escaped = str(odd).replace(" ", "\\040")
    here = str(tmp_path)
    mount(monkeypatch, tmp_path, ("ext4", "/"), ("tmpfs", escaped), ("nfs4", escaped))
    assert file_system(odd / "not" / "there") == FileSystem("nfs4", str(odd))
    assert file_system(tmp_path / "link" / "runs") == FileSystem("nfs4", str(odd))
    assert file_system(tmp_path / "my data too") == FileSystem("ext4", "/")
    mount(monkeypatch, tmp_path, ("nfs", here), ("ext4", "/"))
    assert file_system(tmp_path / "runs") == FileSystem("nfs", here)
    monkeypatch.setattr(mounts, "MOUNTS", tmp_path / "absent")
    assert file_system(odd) is None
    (tmp_path / "absent").write_text("nonsense\n\n1 2 - \n")
    assert file_system(odd) is None


def test_a_writer_refuses_and_touches_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = tmp_path / "runs"
    mount(monkeypatch, tmp_path, ("ext4", "/"), ("nfs4", str(tmp_path)))
    with pytest.raises(NetworkStore) as refused:
        StoreWriter(root, minimum_free=0)
    assert "nfs4 at" in str(refused.value) and "--store" in refused.value.hint
    assert "RECURSE_NETWORK_STORE=1" in refused.value.hint
    assert isinstance(refused.value, RecurseError) and refused.value.exit_code == 2
    assert not root.exists()


def test_going_on_knowingly_is_remarked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    mount(monkeypatch, tmp_path, ("cifs", str(tmp_path)))
    monkeypatch.setenv(mounts.ALLOW, "yes")
    with pytest.raises(NetworkStore):
        StoreWriter(root, minimum_free=0)
    monkeypatch.setenv(mounts.ALLOW, "1")
    with StoreWriter(root, minimum_free=0) as writer:
        assert any("one machine alone writes" in text for text in writer.messages)


def test_what_is_stored_can_be_read_from_anywhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = tmp_path / "runs"
    StoreWriter(root, minimum_free=0).close()
    mount(monkeypatch, tmp_path, ("nfs", str(tmp_path)))
    with Store(root) as store:
        assert store.scenarios() == ()
