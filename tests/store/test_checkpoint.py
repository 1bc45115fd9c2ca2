"""Checkpoints come back with every bit, and damaged ones are passed over."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from recurse.store import checkpoint

ARRAYS = {
    "f32": np.arange(6, dtype=np.float32).reshape(2, 3),
    "f64": np.array([np.nan, -0.0, 1e-300]),
    "i64": np.array([[2**62]]),
    "i32": np.array(-7, dtype=np.int32),
    "u8": np.zeros((0, 4), np.uint8),
    "flag": np.array([True, False]),
    "turned": np.arange(6.0).reshape(2, 3).T,
}


def test_arrays_keep_dtype_shape_and_bits(root: Path) -> None:
    checkpoint.save(root, "b1", 3, ARRAYS, {"digest": "abc", "step": 7})
    found = checkpoint.newest(root, "b1")
    assert found is not None
    assert (found.block, found.generation) == ("b1", 3)
    assert found.meta == {"digest": "abc", "step": 7}
    assert found.arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert found.arrays[name].dtype == array.dtype and found.arrays[name].shape == array.shape
        assert found.arrays[name].tobytes() == array.tobytes()


def test_the_newest_two_are_kept_and_found_by_generation(root: Path) -> None:
    for generation in (0, 1, 2, 10):
        checkpoint.save(root, "b", generation, {"x": np.array([generation])}, {})
    assert sorted(path.name for path in (root / "b").iterdir()) == ["g000002", "g000010"]
    assert [generation_of(root, limit) for limit in (None, 10, 9, 2, 1)] == [10, 10, 2, 2, None]
    assert checkpoint.newest(root, "other") is None


def test_files_that_another_process_has_removed_meanwhile_are_no_error(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for generation in (0, 1):
        checkpoint.save(root, "b", generation, {"x": np.zeros(2)}, {})
    remove = checkpoint.shutil.rmtree

    def late(folder: Path) -> None:
        remove(folder)
        remove(folder)

    monkeypatch.setattr(checkpoint.shutil, "rmtree", late)
    checkpoint.save(root, "b", 2, {"x": np.zeros(2)}, {})
    assert sorted(path.name for path in (root / "b").iterdir()) == ["g000001", "g000002"]


def test_a_repeated_generation_replaces_its_files(root: Path) -> None:
    checkpoint.save(root, "b", 1, {"x": np.zeros(2)}, {})
    checkpoint.save(root, "b", 1, {"x": np.ones(2)}, {})
    found = checkpoint.newest(root, "b")
    assert found is not None and list(found.arrays["x"]) == [1.0, 1.0]


@pytest.mark.parametrize("name", [checkpoint.STATE, checkpoint.MANIFEST])
def test_every_flipped_bit_is_found(root: Path, name: str) -> None:
    checkpoint.save(root, "b", 1, {"x": np.zeros(2)}, {})
    folder = checkpoint.save(root, "b", 2, {"x": np.arange(5.0)}, {"note": "kept"})
    path = folder / name
    content = path.read_bytes()
    for position in range(8 * len(content)):
        damaged = bytearray(content)
        damaged[position // 8] ^= 1 << position % 8
        path.write_bytes(damaged)
        found = checkpoint.newest(root, "b")
        assert found is not None
        if found.generation == 2:  # White space between the entries of the manifest may change.
            assert json.loads(damaged) == json.loads(content)


@pytest.mark.parametrize("name", [checkpoint.STATE, checkpoint.MANIFEST])
@pytest.mark.parametrize("size", [0, 20, None])
def test_cut_or_missing_files_are_passed_over(root: Path, name: str, size: int | None) -> None:
    checkpoint.save(root, "b", 1, {"x": np.zeros(2)}, {})
    path = checkpoint.save(root, "b", 2, {"x": np.ones(2)}, {}) / name
    if size is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:size])
    assert generation_of(root, None) == 1


def generation_of(root: Path, at_most: int | None) -> int | None:
    found = checkpoint.newest(root, "b", at_most)
    return None if found is None else found.generation
