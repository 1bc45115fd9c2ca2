"""Model state between generations: safetensors plus a manifest with sha256, never pickle.

``BLOCK/g000017/{state.safetensors, manifest.json}``; the rename of the manifest commits.
A checkpoint that does not hash to its manifest is passed over and the one before it is used.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors import numpy as tensors

from recurse.store.faults import fault
from recurse.store.files import steps, sync_directory, write_whole

KEEP = 2
STATE = "state.safetensors"
MANIFEST = "manifest.json"
_step = steps("checkpoint", "before_rename", "after_rename")


@dataclass(frozen=True)
class Checkpoint:
    """The state of a block after a generation; ``meta`` holds the remarks of its writer."""

    block: str
    generation: int
    arrays: dict[str, npt.NDArray[Any]]
    meta: dict[str, Any]


def save(
    root: Path,
    block: str,
    generation: int,
    arrays: Mapping[str, npt.NDArray[Any]],
    meta: Mapping[str, Any],
) -> Path:
    """Store the state of ``block`` after ``generation``, durably; the newest two are kept.

    ``root`` is the folder of all checkpoints. Dtypes and shapes come back as they were.

    Raises:
        OSError: the disk is full; older checkpoints are untouched.
    """
    folder = root / block / f"g{generation:06d}"
    folder.mkdir(parents=True, exist_ok=True)
    content = tensors.save({name: np.asarray(array, order="C") for name, array in arrays.items()})
    manifest = {
        "version": 1,
        "block": block,
        "generation": generation,
        "files": {STATE: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}},
        "meta": dict(meta),
    }
    text = json.dumps({**manifest, "seal": _seal(manifest)}, indent=1, sort_keys=True)
    write_whole(folder / STATE, content)
    fault("checkpoint.after_state")
    write_whole(folder / MANIFEST, text.encode(), _step)
    sync_directory(folder.parent)
    sync_directory(root)
    _prune(folder.parent, generation)
    fault("checkpoint.after_prune")
    return folder


def newest(root: Path, block: str, at_most: int | None = None) -> Checkpoint | None:
    """The newest undamaged checkpoint of ``block``, of generation ``at_most`` or earlier."""
    for generation, folder in reversed(_folders(root / block)):
        if at_most is None or generation <= at_most:
            found = _read(folder)
            if found is not None and (found.block, found.generation) == (block, generation):
                return found
    return None


def _read(folder: Path) -> Checkpoint | None:
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        if manifest.pop("seal") != _seal(manifest):
            return None
        content = (folder / STATE).read_bytes()
        if hashlib.sha256(content).hexdigest() != manifest["files"][STATE]["sha256"]:
            return None
        return Checkpoint(
            manifest["block"], manifest["generation"], tensors.load(content), manifest["meta"]
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError):
        return None


def _seal(manifest: Mapping[str, Any]) -> str:
    """A hash over the manifest itself, so that a flipped bit in ``meta`` is found as well."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _folders(block: Path) -> list[tuple[int, Path]]:
    """Generation and folder of each checkpoint of a block, oldest first."""
    found = [folder for folder in block.glob("g*") if folder.name[1:].isdigit()]
    return sorted((int(folder.name[1:]), folder) for folder in found)


def _prune(block: Path, generation: int) -> None:
    """Forget all but the newest `KEEP` of those up to ``generation``."""
    for _, folder in [entry for entry in _folders(block) if entry[0] <= generation][:-KEEP]:
        # A worker whose coordinator was killed may prune here as well, until it notices.
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)
