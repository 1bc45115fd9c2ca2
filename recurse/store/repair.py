"""A check of every file of a store, and a repair that puts the best whole one in place."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from recurse.store import lock, snapshot, soundness
from recurse.store.database import DATABASE, QUARANTINE
from recurse.store.files import TEMPORARY, sync_directory
from recurse.store.staging import DamagedFragment, read_fragment, staged
from recurse.store.writer import StoreWriter

LOG = f"{DATABASE}.wal"


@dataclass(frozen=True)
class Finding:
    """One file of a store: the number of generations that can be read, and its damage or ''."""

    name: str
    bytes: int
    generations: int
    damage: str


def check(root: Path) -> list[Finding]:
    """Every file that holds results: the database with its log, snapshots, staged fragments.

    Raises:
        StoreBusy: somebody writes to the store.
    """
    held = lock.StoreLock(root, "db check", wait=0.0)
    try:
        found = []
        if (root / DATABASE).exists():
            found.append(_database(root))
        found += [_file(path) for path in snapshot.published(root)]
        return found + [_fragment(path) for path in staged(root / "stage")]
    finally:
        held.release()


def rebuild(root: Path) -> list[str]:
    """Put the whole file with the most generations in the database's place, take in what is staged
    and publish it; returns a sentence per step. The replaced file goes to ``quarantine/``.

    Raises:
        StoreBusy: somebody writes to the store.
    """
    said = []
    held = lock.StoreLock(root, "db rebuild", wait=0.0)
    try:
        copies = [_database(root)] if (root / DATABASE).exists() else []
        copies += [_file(path) for path in reversed(snapshot.published(root))]
        whole = [finding for finding in copies if not finding.damage]
        best = max(whole, key=lambda finding: finding.generations, default=None)
        if best is not None and best.name != DATABASE:
            place = _set_aside(root)
            snapshot.restore(root / snapshot.SNAPSHOTS / best.name, root / DATABASE)
            said.append(f"restored {DATABASE} from {best.name}; what was there is in {place}")
    finally:
        held.release()
    with StoreWriter(root, "db rebuild") as writer:
        taken = writer.ingest()
        writer.publish()
    rows = sum(count for *_, count in taken.committed)
    said += [*writer.messages, f"took in {rows} generations of cells from staged fragments"]
    newest = snapshot.newest_whole(root)
    assert newest is not None
    return [*said, f"published {newest.name}: {soundness.examined(newest)[0]} generations of cells"]


def _database(root: Path) -> Finding:
    """The database as it would be opened; on a copy, since opening it may write to its log."""
    copy = root / f"{TEMPORARY}{os.getpid()}-{DATABASE}"
    log = copy.with_name(f"{copy.name}.wal")
    try:
        shutil.copyfile(root / DATABASE, copy)
        if (root / LOG).exists():
            shutil.copyfile(root / LOG, log)
        generations, damage = soundness.examined(copy)
    finally:
        for left in (copy, log):
            left.unlink(missing_ok=True)
    size = sum(path.stat().st_size for path in root.glob(f"{DATABASE}*"))
    return Finding(DATABASE, size, generations, damage)


def _file(path: Path) -> Finding:
    return Finding(path.name, path.stat().st_size, *soundness.examined(path))


def _fragment(path: Path) -> Finding:
    try:
        rows, damage = len(read_fragment(path).cells), ""
    except (DamagedFragment, OSError) as error:
        rows, damage = 0, soundness.first_line(error)
    return Finding(path.name, path.stat().st_size, rows, damage)


def _set_aside(root: Path) -> Path:
    place = root / QUARANTINE / time.strftime("%Y%m%dT%H%M%S")
    place.mkdir(parents=True, exist_ok=True)
    for path in root.glob(f"{DATABASE}*"):
        os.replace(path, place / path.name)
    sync_directory(root)
    return place
