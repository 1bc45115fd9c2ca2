"""The file system of a folder; a store that is written lives on a disk of this machine.

Locks of a network file system may be granted twice, or vanish with the connection: two writers then
destroy a database without an error. A finished store is safe to read from anywhere.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from recurse.reading.problems import RecurseError

MOUNTS = Path("/proc/self/mountinfo")
ALLOW = "RECURSE_NETWORK_STORE"
_KINDS = frozenset(
    "nfs nfs4 cifs smb3 smbfs ncpfs 9p lustre gpfs beegfs ceph afs glusterfs orangefs pvfs2 panfs "
    "wekafs quobyte moosefs coda davfs".split()
)
_FUSE = frozenset(
    "sshfs ceph-fuse ceph glusterfs s3fs rclone gcsfuse goofys juicefs mount-s3 blobfuse2 davfs2 "
    "davfs smbnetfs moosefs mfs seaweedfs".split()
)


class NetworkStore(RecurseError):
    """The store is on a file system whose locks cannot be trusted."""


class FileSystem(NamedTuple):
    """A mounted file system: its kind, as the kernel names it, and where it begins."""

    kind: str
    mount: str

    @property
    def network(self) -> bool:
        """True if other machines may write to it."""
        inner = self.kind.removeprefix("fuse.")
        return self.kind in _KINDS or (inner != self.kind and inner in _FUSE)


def file_system(path: Path) -> FileSystem | None:
    """The file system of a path, which need not exist; None where the system does not say."""
    place = path.resolve()
    found: FileSystem | None = None
    for mounted in _mounts():
        if place.is_relative_to(mounted.mount) and (
            found is None or len(mounted.mount) >= len(found.mount)
        ):
            found = mounted  # a later mount at one place hides the earlier
    return found


def refuse_network(path: Path) -> str | None:
    """Nothing for a local disk; a remark where the user goes on knowingly.

    Raises:
        NetworkStore: the folder is on a network file system.
    """
    found = file_system(path)
    if found is None or not found.network:
        return None
    where = f"the store {path} is on a network file system ({found.kind} at {found.mount})"
    if os.environ.get(ALLOW) == "1":
        return f"{where}: make sure that one machine alone writes to it"
    raise NetworkStore(
        f"{where}, where two writers could destroy it unseen",
        hint=f"put it on a local disk with --store DIR and copy it when the run is done, or set "
        f"{ALLOW}=1 if one machine alone writes to it",
    )


def _mounts() -> list[FileSystem]:
    """The lines of mountinfo: ``... mount-point options [tags] - kind source options``."""
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        before, _, after = line.partition(" - ")
        fields, kind = before.split(" "), after.split(" ")[0]
        if len(fields) > 4 and kind:
            found.append(FileSystem(kind, _plain(fields[4])))
    return found


def _plain(text: str) -> str:
    r"""Spaces and the like are written as ``\040``."""
    return re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), text)
