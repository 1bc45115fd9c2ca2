"""Fragments: the results of one generation of one block, each a file that is whole or absent.

Workers import this and nothing else of the store: numpy, safetensors and the standard library.
The file's name ends in the first 16 hex digits of the sha256 of its content, so that a flipped bit
or a cut file is found by hashing. Fragments alone are enough to rebuild the store.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from recurse.reading.problems import RecurseError
from recurse.store.files import steps, write_whole

SUFFIX = ".frag"
RUN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._]{0,127}")
BLOCK = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_step = steps("stage", "before_fsync", "before_rename", "after_rename", "after_commit")


class DamagedFragment(RecurseError):
    """A staged file whose content does not hash to its name."""


@dataclass(frozen=True)
class Artifact:
    """A file that belongs to a cell and a generation, such as a picture of its samples."""

    cell: str
    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True)
class Fragment:
    """The results of one generation of one block.

    ``values`` is float64 ``[R, M]``, one row per cell and one column per metric; NaN says "not
    measured". Cells in ``failures`` (cell -> reason) have no result in this generation: a row of
    theirs in ``values`` is ignored. ``numerics`` names the numerics class: backend, version,
    device, threads, dtype, batch width.
    """

    run: str
    block: str
    generation: int
    cells: tuple[str, ...]
    metrics: tuple[str, ...]
    values: npt.NDArray[np.float64]
    failures: Mapping[str, str] = field(default_factory=dict)
    numerics: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    compile_seconds: float = 0.0
    artifacts: tuple[Artifact, ...] = ()

    def __post_init__(self) -> None:
        shape = (len(self.cells), len(self.metrics))
        if self.values.shape != shape or self.values.dtype != np.float64:
            found = f"{self.values.dtype} {list(self.values.shape)}"
            raise ValueError(f"values must be float64 {list(shape)}, not {found}")
        if len(set(self.cells)) < shape[0] or len(set(self.metrics)) < shape[1]:
            raise ValueError("cells and metrics must be named once each")
        strangers = {artifact.cell for artifact in self.artifacts} - set(self.cells)
        if strangers:
            raise ValueError(f"artifacts of cells that are not in the fragment: {strangers}")
        if self.generation < 0 or not (RUN.fullmatch(self.run) and BLOCK.fullmatch(self.block)):
            raise ValueError(f"bad run, block or generation: {self.run} {self.block}")


def write_fragment(stage: Path, fragment: Fragment) -> Path:
    """Put a fragment on the stage, durably; returns its path.

    Raises:
        OSError: the disk is full; nothing is left behind.
    """
    content = _encode(fragment)
    digest = hashlib.sha256(content).hexdigest()[:16]
    name = f"{fragment.run}-{fragment.block}-g{fragment.generation:06d}-{digest}{SUFFIX}"
    stage.mkdir(parents=True, exist_ok=True)
    path = stage / name
    write_whole(path, content, _step)
    return path


def read_fragment(path: Path) -> Fragment:
    """The fragment in a staged file.

    Raises:
        DamagedFragment: its content is not what its name promises.
    """
    content = path.read_bytes()
    digest = path.name.removesuffix(SUFFIX).rpartition("-")[2]
    if hashlib.sha256(content).hexdigest()[:16] != digest:
        raise DamagedFragment(
            f"{path.name} is damaged: its {len(content)} bytes do not hash to its name",
            hint="run the scenario again; its generation is computed anew",
        )
    try:
        return _decode(content)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise DamagedFragment(f"{path.name} is not a fragment: {error}") from error


def staged(stage: Path) -> list[Path]:
    """The staged files, those of earlier generations first."""
    named = (path for path in stage.glob(f"*{SUFFIX}") if not path.name.startswith("."))
    found = (path for path in named if path.is_file())
    return sorted(found, key=lambda path: (_generation(path), path.name))


def digests(fragment: Fragment) -> npt.NDArray[np.uint64]:
    """One number per cell ``[R]``: 64 bits of sha256 over its generation, metric names and values.

    Independent of the block, the order of the metrics and the neighbours of the cell.
    """
    order = sorted(range(len(fragment.metrics)), key=fragment.metrics.__getitem__)
    names = [fragment.metrics[column] for column in order]
    start = hashlib.sha256(json.dumps([fragment.generation, names]).encode())
    values = fragment.values[:, order]
    values = np.where(np.isnan(values), np.nan, values).astype("<f8")
    found = np.empty(len(fragment.cells), dtype=np.uint64)
    for row in range(len(fragment.cells)):
        cell = start.copy()
        cell.update(values[row].tobytes())
        found[row] = int.from_bytes(cell.digest()[:8], "big")
    return found


def metadata(content: bytes) -> dict[str, str]:
    """The free text of a safetensors file given as bytes.

    Raises:
        ValueError: not a safetensors file.
    """
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    found = header.get("__metadata__", {})
    return dict(found)


def _encode(fragment: Fragment) -> bytes:
    tensors = {"values": np.ascontiguousarray(fragment.values)}
    for index, artifact in enumerate(fragment.artifacts):
        tensors[f"artifact.{index}"] = np.frombuffer(artifact.data, dtype=np.uint8)
    about = {
        "version": 1,
        "run": fragment.run,
        "block": fragment.block,
        "generation": fragment.generation,
        "cells": fragment.cells,
        "metrics": fragment.metrics,
        "failures": dict(fragment.failures),
        "numerics": dict(fragment.numerics),
        "seconds": fragment.seconds,
        "compile_seconds": fragment.compile_seconds,
        "artifacts": [(a.cell, a.name, a.media_type) for a in fragment.artifacts],
    }
    # One key only: safetensors orders several by chance, and the name is a hash of the bytes.
    return save(tensors, metadata={"fragment": json.dumps(about, separators=(",", ":"))})


def _decode(content: bytes) -> Fragment:
    about = json.loads(metadata(content)["fragment"])
    tensors = load(content)
    if about["version"] != 1:
        raise ValueError(f"fragment version {about['version']} is newer than this program")
    artifacts = tuple(
        Artifact(cell, name, media_type, tensors[f"artifact.{index}"].tobytes())
        for index, (cell, name, media_type) in enumerate(about["artifacts"])
    )
    return Fragment(
        run=about["run"],
        block=about["block"],
        generation=about["generation"],
        cells=tuple(about["cells"]),
        metrics=tuple(about["metrics"]),
        values=tensors["values"],
        failures=about["failures"],
        numerics=about["numerics"],
        seconds=about["seconds"],
        compile_seconds=about["compile_seconds"],
        artifacts=artifacts,
    )


def _generation(path: Path) -> str:
    parts = path.name.rsplit("-", 2)
    return parts[1] if len(parts) == 3 else ""
