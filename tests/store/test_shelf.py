"""Pools on disk appear whole or not at all, and what is damaged is told from what is whole."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from recurse.store import shelf as module
from recurse.store.shelf import Shelf

FORK = multiprocessing.get_context("forkserver")


def fields(seed: int = 0, n: int = 7) -> dict[str, NDArray[Any]]:
    generator = np.random.default_rng(seed)
    return {
        "fields/image": generator.standard_normal((3, n, 4)).astype(np.float32),
        "fields/label": generator.integers(0, 9, (3, n)),
        "weight": generator.random((3, n)),
    }


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.npy"))


def test_a_pool_is_read_back_through_memory_maps(tmp_path: Path) -> None:
    shelf, given = Shelf(tmp_path, "b"), fields()
    name = shelf.put("synthetic-3", given)
    assert name.startswith("synthetic-3-") and shelf.names() == {name}
    found = Shelf(tmp_path, "b").get(name)
    assert found is not None and found.keys() == given.keys()
    for key, values in given.items():
        assert isinstance(found[key], np.memmap) and not found[key].flags.writeable
        assert found[key].dtype == values.dtype
        np.testing.assert_array_equal(found[key], values)
    assert Shelf(tmp_path, "other").get(name) is None
    assert Shelf(tmp_path, "other").names() == set()


def test_a_name_is_of_the_content(tmp_path: Path) -> None:
    """Of values, shapes, types and names; strides do not matter, and nothing is written twice."""
    shelf, given = Shelf(tmp_path, "b"), fields()
    name = shelf.put("real-0", given)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")}
    strided = {k: np.asfortranarray(v) for k, v in given.items()}
    assert shelf.put("real-0", strided) == name
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")} == before
    changed = {**given, "weight": given["weight"].copy()}
    changed["weight"][2, 6] = np.nextafter(changed["weight"][2, 6], 2)
    flat = {**given, "weight": given["weight"].reshape(-1)}
    other = {k.replace("label", "mark"): v for k, v in given.items()}
    typed = {**given, "fields/label": given["fields/label"].view(np.uint64)}
    names = {shelf.put("real-0", each) for each in (given, changed, flat, other, typed)}
    assert len(names) == 5 and shelf.put("fresh-0", given) not in names


@pytest.mark.parametrize("name", ["../b/real-0-" + 32 * "0", "", ".", "real-0", "x/y"])
def test_a_name_that_is_none_is_not_looked_for(tmp_path: Path, name: str) -> None:
    Shelf(tmp_path, "b").put("real-0", fields())
    assert Shelf(tmp_path, "b").get(name) is None


@pytest.mark.parametrize("damage", ["bit", "cut", "header", "missing", "pickle", "empty"])
def test_a_damaged_pool_is_none_and_is_written_anew(tmp_path: Path, damage: str) -> None:
    shelf, given = Shelf(tmp_path, "b"), fields()
    name = shelf.put("real-0", given)
    path = tmp_path / "b" / name / "fields.image.npy"
    content = bytearray(path.read_bytes())
    if damage == "bit":
        content[-3] ^= 16
        path.write_bytes(bytes(content))
    elif damage == "header":
        path.write_bytes(b"\x00" * 8 + bytes(content[8:]))
    elif damage == "missing":
        path.unlink()
    elif damage == "pickle":
        np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    else:
        path.write_bytes(bytes(content[: len(content) // 2 if damage == "cut" else 0]))
    assert shelf.get(name) is None
    assert Shelf(tmp_path, "b").put("real-0", given) == name
    found = shelf.get(name)
    assert found is not None
    np.testing.assert_array_equal(found["fields/image"], given["fields/image"])


def _killed(folder: str, at: str) -> None:
    """Write a pool and be killed on the way."""

    def kill(*arguments: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if at == "first file":
        module.os.fsync = kill  # type: ignore[assignment]
    elif at == "before rename":
        module.sync_directory = kill
    else:
        rename = Path.rename

        def renamed(self: Path, target: Path) -> Path:
            found = rename(self, target)
            kill()
            return found

        Path.rename = renamed  # type: ignore[method-assign, assignment]
    Shelf(Path(folder), "b").put("real-0", fields())


@pytest.mark.parametrize("at", ["first file", "before rename", "after rename"])
def test_a_pool_appears_whole_or_not_at_all(tmp_path: Path, at: str) -> None:
    """Killed on the way; what is left half done is no pool, and is swept away."""
    process = FORK.Process(target=_killed, args=(str(tmp_path), at))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    shelf = Shelf(tmp_path, "b")
    assert len(list((tmp_path / "b").iterdir())) == 1
    names = shelf.names()
    assert len(names) == (at == "after rename")
    assert all(shelf.get(name) is not None for name in names)
    name = shelf.put("real-0", fields())
    assert shelf.names() == {name}
    shelf.keep_only({name})
    assert [path.name for path in (tmp_path / "b").iterdir()] == [name]


def test_two_workers_may_write_the_same_pool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second finds it there when it comes to give it its name."""
    given, rename = fields(), Path.rename

    def late(self: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "rename", rename)
        Shelf(tmp_path, "b").put("real-0", given)
        self.mkdir(exist_ok=True)  # the other one is of this process, and has used this folder
        (self / "weight.npy").touch()
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", late)
    name = Shelf(tmp_path, "b").put("real-0", given)
    assert Shelf(tmp_path, "b").get(name) is not None
    assert [path.name for path in (tmp_path / "b").iterdir()] == [name]


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf(tmp_path, "b")
    name = shelf.put("real-0", fields())

    def full(*arguments: Any, **more: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.np, "save", full)
    with pytest.raises(OSError, match="No space"):
        shelf.put("synthetic-1", fields(1))
    assert [path.name for path in (tmp_path / "b").iterdir()] == [name]


def test_only_named_pools_are_kept(tmp_path: Path) -> None:
    """Whoever still reads one that is removed reads on."""
    shelf = Shelf(tmp_path, "b")
    names = [shelf.put(f"synthetic-{g}", fields(g)) for g in range(3)]
    neighbour = Shelf(tmp_path, "c").put("real-0", fields(9))
    read = shelf.get(names[0])
    shelf.keep_only({names[1]})
    assert shelf.names() == {names[1]} and Shelf(tmp_path, "c").names() == {neighbour}
    assert read is not None
    np.testing.assert_array_equal(read["weight"], fields(0)["weight"])
    Shelf(tmp_path, "absent").keep_only(set())
