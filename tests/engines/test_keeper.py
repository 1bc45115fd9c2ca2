"""What a worker does for its fits: keeps them, says how far they are, notes what broke."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurse.engines import keeper as module
from recurse.engines.block import Orphaned
from recurse.engines.keeper import Keeper
from recurse.lowering.supervisor import Step
from recurse.store import checkpoint

R = 3


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(module, "time", found)
    return found


def keeper(store: Path, every: float = 0.0, alive: Any = lambda: None, said: Any = None) -> Keeper:
    heard = [] if said is None else said
    return Keeper(store, "block", every, alive, heard.append)


def step(
    one: Keeper, generation: int, done: int, total: int = 100, losses: Any = None, mark: float = 0.0
) -> None:
    found = np.full((10, R), 2.5) if losses is None else losses
    one.step(Step(generation, done, total, found, lambda: {"w": np.full(R, mark)}))


def test_a_fit_is_kept_and_found_again(tmp_path: Path) -> None:
    """The newest, by its generation; the last call of a fit is not kept."""
    one = keeper(tmp_path)
    assert one.unfinished(3) is None
    for done in (10, 20, 30):
        step(one, 3, done, total=30, mark=done)
    found = keeper(tmp_path).unfinished(3)
    assert found is not None and found.steps == 20
    assert found.arrays["w"].tolist() == [20.0] * R
    assert keeper(tmp_path).unfinished(2) is None, "of another generation"
    assert keeper(tmp_path).unfinished(3) is not None, "a generation before it takes nothing away"


def test_a_fit_of_an_earlier_generation_does_not_hide_a_later_one(tmp_path: Path) -> None:
    """It is left where a kill came between a generation's checkpoint and its end."""
    step(keeper(tmp_path), 3, 90)
    after = keeper(tmp_path)
    assert after.unfinished(4) is None
    step(after, 4, 10, mark=4.0)
    found = keeper(tmp_path).unfinished(4)
    assert found is not None and (found.steps, found.arrays["w"][0]) == (10, 4.0)


@pytest.mark.parametrize("damage", ["bit", "cut", "manifest", "foreign", "unnamed"])
def test_a_kept_fit_that_is_damaged_or_foreign_is_passed_over(tmp_path: Path, damage: str) -> None:
    """The one before it is used."""
    one = keeper(tmp_path)
    for done in (10, 20):
        step(one, 3, done, mark=done)
    folder = tmp_path / "checkpoints" / "block.fit"
    if damage == "foreign":
        other = checkpoint.save(tmp_path / "checkpoints", "other.fit", 20, {}, {"fit": "3"})
        for name in (checkpoint.STATE, checkpoint.MANIFEST):
            (folder / "g000020" / name).write_bytes((other / name).read_bytes())
    elif damage == "unnamed":
        checkpoint.save(tmp_path / "checkpoints", "block.fit", 30, {"w": np.zeros(R)}, {})
        assert keeper(tmp_path).unfinished(3) is None
        return
    else:
        name = checkpoint.MANIFEST if damage == "manifest" else checkpoint.STATE
        path = folder / "g000020" / name
        content = bytearray(path.read_bytes())
        content[-5] ^= 1
        path.write_bytes(bytes(content[:-9] if damage == "cut" else content))
    found = keeper(tmp_path).unfinished(3)
    assert found is not None and found.steps == 10


def test_fits_are_kept_as_often_as_asked(tmp_path: Path, clock: Clock) -> None:
    one, kept = keeper(tmp_path, every=5.0), []
    for done in range(10, 100, 10):
        clock.now += 2.0
        if done == 50:
            one.saved()  # a checkpoint of a generation counts as well
        step(one, 1, done)
        found = checkpoint.newest(tmp_path / "checkpoints", "block.fit")
        kept.append(found.generation if found else 0)
    assert kept == [0, 0, 30, 30, 30, 30, 30, 80, 80]


def test_nobody_waits_any_more(tmp_path: Path) -> None:
    """An orphan ends within a fit, and keeps nothing on its way out."""

    def gone() -> None:
        raise Orphaned

    with pytest.raises(Orphaned):
        step(keeper(tmp_path, alive=gone), 1, 10)
    assert not (tmp_path / "checkpoints").exists()


def test_words(tmp_path: Path, clock: Clock) -> None:
    """Twice a second at most: generation, step, mean loss of those that have one, pace, rest."""
    said: list[str] = []
    one = keeper(tmp_path, every=1e9, said=said)
    one.unfinished(4)
    losses = np.array([[1.0, 2.0, np.nan]] * 10)
    for done in (10, 20, 30):
        clock.now += 0.4
        step(one, 4, done, losses=losses)
    assert said == ["generation 4  step 20/100  loss 1.5  25 steps/s  3 s left"]
    clock.now += 10.0
    step(one, 4, 40, losses=np.full((10, R), np.nan))
    assert said[1].startswith("generation 4  step 40/100  loss nan")


def test_words_of_a_fit_that_goes_on(tmp_path: Path, clock: Clock) -> None:
    """Steps of before the kill do not count as pace."""
    step(keeper(tmp_path), 4, 50)
    said: list[str] = []
    one = keeper(tmp_path, every=1e9, said=said)
    assert one.unfinished(4) is not None
    clock.now += 2.0
    step(one, 4, 60)
    assert said == ["generation 4  step 60/100  loss 2.5  5 steps/s  8 s left"]


def test_a_loss_that_is_not_finite_names_its_first_generation_and_step(tmp_path: Path) -> None:
    one = keeper(tmp_path, every=1e9)
    losses = np.zeros((10, R))
    step(one, 2, 10, losses=losses)
    assert [one.reason(r) for r in range(R)] == [None] * R
    losses[7:, 1] = np.nan
    losses[3, 2] = -np.inf
    step(one, 2, 20, losses=losses)
    losses[:] = np.nan
    step(one, 2, 30, losses=losses)
    text = "the loss of generation 2 is not finite in step {} of 100"
    assert [one.reason(r) for r in range(R)] == [text.format(21), text.format(18), text.format(14)]


def test_pools_go_when_no_checkpoint_asks_for_them(tmp_path: Path) -> None:
    """The newest two checkpoints may; what a killed run has left goes after that."""
    left = keeper(tmp_path).put("synthetic-9", {"fields/x": np.full((R, 2), 9.0)})[0]
    one = keeper(tmp_path)
    kept = []
    for generation in range(4):
        name, read = one.put(f"synthetic-{generation}", {"fields/x": np.full((R, 2), generation)})
        assert isinstance(read["fields/x"], np.memmap)
        one.needed([name])
        one.committed()
        kept.append({n.split("-")[1] for n in one._shelf.names()})
    assert one.get(left) is None
    assert kept == [{"9", "0"}, {"0", "1"}, {"1", "2"}, {"2", "3"}]
