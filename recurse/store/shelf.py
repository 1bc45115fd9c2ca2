"""Pools of samples on disk: each written once, read through memory maps, found by its content.

``pools/BLOCK/KIND-BORN-HASH/FIELD.npy``. A folder appears whole or not at all, and never changes.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurse.store.files import sync_directory

_NAME = re.compile(r"[a-z]+-[0-9]+-[0-9a-f]{32}")
_SUFFIX = ".npy"


class Shelf:
    """The pools of one block."""

    def __init__(self, root: Path, block: str) -> None:
        """``root`` is the folder of all pools of a store."""
        self._folder = root / block

    def put(self, pool: str, fields: Mapping[str, NDArray[Any]]) -> str:
        """Write a pool (``synthetic-3``), durably, unless it is there undamaged; returns its name.

        Raises:
            OSError: the disk is full; nothing else is touched.
        """
        arrays = {name: np.ascontiguousarray(values) for name, values in fields.items()}
        name = f"{pool}-{_digest(arrays)}"
        whole = self._folder / name
        if self.get(name) is not None:
            return name
        shutil.rmtree(whole, ignore_errors=True)
        partial = self._folder / f".{name}.{os.getpid()}"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            for field, values in arrays.items():
                with (partial / _file(field)).open("wb") as out:
                    np.save(out, values, allow_pickle=False)
                    out.flush()
                    os.fsync(out.fileno())
            sync_directory(partial)
            try:
                partial.rename(whole)
            except OSError:  # a worker whose coordinator was killed may be at it as well
                if not whole.exists():
                    raise
            sync_directory(self._folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return name

    def get(self, name: str, check: bool = True) -> dict[str, NDArray[Any]] | None:
        """The fields of a pool, memory-mapped; None if it is gone or, with ``check``, damaged."""
        folder = self._folder / name
        if not _NAME.fullmatch(name) or not folder.is_dir():
            return None
        try:
            fields = {
                path.name.removesuffix(_SUFFIX).replace(".", "/"): np.load(path, mmap_mode="r")
                for path in sorted(folder.glob(f"*{_SUFFIX}"))
            }
        except (OSError, ValueError, EOFError):
            return None
        sound = not check or name.endswith(_digest(fields))
        return fields if fields and sound else None

    def names(self) -> set[str]:
        """The pools that are there."""
        found = self._folder.iterdir() if self._folder.is_dir() else iter(())
        return {folder.name for folder in found if _NAME.fullmatch(folder.name)}

    def keep_only(self, names: Collection[str]) -> None:
        """Remove every pool of the block that is not named, and what a kill has left half done."""
        with suppress(FileNotFoundError):
            for folder in self._folder.iterdir():
                if folder.name not in names:
                    shutil.rmtree(folder, ignore_errors=True)


def _file(field: str) -> str:
    return field.replace("/", ".") + _SUFFIX


def _digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    """32 hexadecimal digits over names, shapes, types and values."""
    found = hashlib.blake2b(digest_size=16)
    for name, values in sorted(arrays.items()):
        found.update(f"{name}|{values.shape}|{values.dtype.str}|".encode())
        found.update(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)
    return found.hexdigest()
