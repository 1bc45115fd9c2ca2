"""Harm to the files of a store that nobody has open, and what is left of the store afterwards."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from recurse.store import Store, StoreWriter, snapshot
from recurse.store.database import DATABASE
from recurse.store.staging import DamagedFragment, read_fragment, staged

Rows = dict[tuple[str, int], int]
"""The stored generations: (cell, generation) -> the 64 bits of the sha256 of its numbers."""


@dataclass(frozen=True)
class Contents:
    """What a store holds: its rows, how many of them are there twice, and every number as bits."""

    rows: Rows
    doubled: int
    values: frozenset[tuple[str, int, str, int]]


def truncated(path: Path, random: Random) -> None:
    """Cut a file anywhere."""
    os.truncate(path, random.randrange(path.stat().st_size))


def flipped(path: Path, random: Random) -> None:
    """Turn one bit over."""
    content = bytearray(path.read_bytes())
    content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    path.write_bytes(content)


def zeroed(path: Path, random: Random) -> None:
    """Put zeros in the place of up to 4 KiB, as a lost block of the disk."""
    content = bytearray(path.read_bytes())
    start = random.randrange(len(content))
    block = content[start : start + 4096]
    content[start : start + 4096] = bytes(len(block))
    path.write_bytes(content)


def lengthened(path: Path, random: Random) -> None:
    """Append rubbish, as a torn write does."""
    with path.open("ab") as file:
        file.write(random.randbytes(random.randrange(1, 3000)))


WAYS: tuple[Callable[[Path, Random], None], ...] = (truncated, flipped, zeroed, lengthened)


def targets(store: Path) -> dict[str, list[Path]]:
    """Kind of file -> the files of the store that are not empty and can be harmed."""
    newest = snapshot.newest(store)
    found = {
        "database": [store / DATABASE],
        "log": [store / f"{DATABASE}.wal"],
        "snapshot": [newest] if newest else [],
        "fragment": staged(store / "stage"),
        "checkpoint": sorted((store / "checkpoints").glob("*/g*/*")),
    }
    whole = {
        kind: [path for path in paths if path.is_file() and path.stat().st_size]
        for kind, paths in found.items()
    }
    return {kind: paths for kind, paths in whole.items() if paths}


def promised(store: Path, spoilt: Path, copy: Path) -> Rows:
    """What must outlive harm to the file ``spoilt``: what is committed, and what is staged but in
    that file. Looks at a copy, since opening a store changes it.
    """
    shutil.copytree(store, copy)
    (copy / "stage" / "aside").mkdir(parents=True)
    for path in staged(copy / "stage"):
        path.rename(path.parent / "aside" / path.name)
    try:
        with StoreWriter(copy, minimum_free=0) as writer:
            rows = _read(writer).rows
        for path in staged(copy / "stage" / "aside"):
            if path.name != spoilt.name:
                try:
                    fragment = read_fragment(path)
                except DamagedFragment:
                    continue
                for cell in set(fragment.cells) - set(fragment.failures):
                    rows.setdefault((cell, fragment.generation), 0)
        return rows
    finally:
        shutil.rmtree(copy)


def recovered(store: Path, reader: bool) -> Contents:
    """What a store holds once its next reader or writer has opened it."""
    if reader:
        with Store(store):
            pass
    with StoreWriter(store, minimum_free=0) as writer:
        if not reader:
            writer.ingest()
        return _read(writer)


def _read(writer: StoreWriter) -> Contents:
    ask = writer._connection.execute
    rows = ask("SELECT cell, generation, sha FROM generations").fetchall()
    values = ask("SELECT cell, generation, metric, value FROM metrics").fetchall()
    once = {(cell, generation): sha for cell, generation, sha in rows}
    bits = frozenset((cell, g, metric, _bits(value)) for cell, g, metric, value in values)
    return Contents(once, len(rows) - len(once) + len(values) - len(bits), bits)


def _bits(value: float) -> int:
    import struct

    return int(struct.unpack("<q", struct.pack("<d", value))[0])
