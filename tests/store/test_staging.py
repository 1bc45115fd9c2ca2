"""Fragments come back as they were, or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recurse.store.files import sweep
from recurse.store.staging import (
    Artifact,
    DamagedFragment,
    Fragment,
    digests,
    read_fragment,
    staged,
    write_fragment,
)

CELLS = ("a" * 32, "b" * 32, "c" * 32)
VALUES = np.array([[1.0, np.nan], [-0.0, np.inf], [5e-324, 1 / 3]])


def sample(**changes: object) -> Fragment:
    fragment = Fragment(
        "20261121T000000.00ff", "b-7", 17, CELLS, ("loss", "w2"), VALUES, {CELLS[1]: "loss is nan"},
        {"backend": "torch 2.9", "threads": 1}, 1.25, 0.5,
        (Artifact(CELLS[0], "grid", "image/png", bytes(99)), Artifact(CELLS[2], "e", "t", b"")),
    )  # fmt: skip
    return replace(fragment, **changes)


def test_a_fragment_comes_back_with_every_bit(root: Path) -> None:
    path = write_fragment(root, sample())
    found = read_fragment(path)
    assert found.values.tobytes() == VALUES.tobytes()
    assert replace(found, values=VALUES) == replace(sample(), values=VALUES)
    assert path.name.startswith("20261121T000000.00ff-b-7-g000017-") and path.suffix == ".frag"
    assert list(root.iterdir()) == [path]


def test_the_same_results_are_the_same_file(root: Path) -> None:
    assert write_fragment(root, sample()) == write_fragment(root, sample())


def test_earlier_generations_are_staged_first(root: Path) -> None:
    for generation, run in ((10, "a"), (2, "z"), (0, "m")):
        write_fragment(root, sample(generation=generation, run=run))
    assert [read_fragment(path).generation for path in staged(root)] == [0, 2, 10]


def test_every_flipped_bit_is_found(root: Path) -> None:
    path = write_fragment(root, sample())
    content = path.read_bytes()
    for position in range(0, 8 * len(content), 41):
        damaged = bytearray(content)
        damaged[position // 8] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(DamagedFragment, match="is damaged"):
            read_fragment(path)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_cut_file_is_found(root: Path, share: float) -> None:
    path = write_fragment(root, sample())
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DamagedFragment, match="bytes do not hash to its name"):
        read_fragment(path)


def test_a_file_that_only_hashes_right_is_refused(root: Path) -> None:
    root.mkdir()
    path = root / "x-y-g000000-e3b0c44298fc1c14.frag"
    path.write_bytes(b"")
    with pytest.raises(DamagedFragment, match="is not a fragment"):
        read_fragment(path)


def test_digests_depend_on_the_cell_alone() -> None:
    whole = digests(sample())
    part = sample(cells=CELLS[1:], values=VALUES[1:], block="other", failures={}, artifacts=())
    swapped = sample(metrics=("w2", "loss"), values=VALUES[:, ::-1].copy())
    assert list(digests(part)) == list(whole[1:])
    assert list(digests(swapped)) == list(whole)
    assert len({*whole, *digests(sample(generation=18)), *digests(sample(metrics=("l", "w")))}) == 9
    changed = VALUES.copy()
    changed[0, 0] = np.nextafter(1.0, 2.0)
    assert list(digests(sample(values=changed)) == whole) == [False, True, True]
    odd = VALUES.copy()
    odd[0, 1] = np.uint64(0xFFF8000000000001).view(np.float64)
    assert list(digests(sample(values=odd))) == list(whole)


@pytest.mark.parametrize(
    "changes",
    [
        {"values": VALUES[:2]},
        {"values": VALUES.astype(np.float32)},
        {"cells": (CELLS[0], CELLS[0], CELLS[1])},
        {"metrics": ("loss", "loss")},
        {"generation": -1},
        {"run": "a-b"},
        {"block": "../up"},
        {"artifacts": (Artifact("d" * 32, "x", "y", b""),)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_nonsense_is_refused_before_it_is_written(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"values|named once|bad run|artifact"):
        sample(**changes)


def test_a_full_disk_leaves_nothing_behind(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root.mkdir()

    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(OSError, match="No space left"):
        write_fragment(root, sample())
    assert list(root.iterdir()) == []


def test_what_a_killed_worker_left_is_swept_after_an_hour(root: Path) -> None:
    root.mkdir()
    for name, age in ((".tmp-1-old", 3700), (".tmp-2-new", 60), ("whole.frag", 9999)):
        (root / name).touch()
        os.utime(root / name, (time.time() - age,) * 2)
    sweep(root)
    assert sorted(path.name for path in root.iterdir()) == [".tmp-2-new", "whole.frag"]


def test_workers_load_neither_duckdb_nor_polars() -> None:
    code = (
        "import sys, recurse.store.staging, recurse.store.checkpoint;"
        "print(sorted({'duckdb', 'polars', 'torch', 'jax', 'pydantic'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert found.stdout.strip() == "[]"


def test_a_fragment_of_a_thousand_cells_costs_at_most_5_ms(tmp_path: Path) -> None:
    cells = tuple(f"{number:032x}" for number in range(1000))
    values = np.random.default_rng(0).normal(size=(1000, 2))
    fragment = sample(cells=cells, values=values, failures={}, artifacts=())
    times = []
    for generation in range(20):
        began = time.perf_counter()
        write_fragment(tmp_path, replace(fragment, generation=generation))
        times.append(time.perf_counter() - began)
    assert min(times) < 5e-3
