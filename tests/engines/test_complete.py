"""At the end of a run every cell is complete, has failed, or is said to lack generations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from recurse.cli import ending, failures
from recurse.engines.crew import Crew
from recurse.engines.local import LocalEngine
from recurse.running.run import run
from recurse.store.reader import Store
from recurse.store.records import IngestReport
from recurse.store.staging import staged
from recurse.store.writer import StoreWriter

SPEC: dict[str, Any] = {
    "version": 1,
    "name": "whole",
    "source": {"kind": "gaussian", "dim": 1},
    "model": {"kind": "gaussian"},
    "samples": {"real": 10, "synthetic": 10},
    "generations": 6,
    "seeds": 3,
    "backend": "numpy",
    "metrics": ["mean_error"],
    "matrix": {"policy": ["replace", "accumulate"]},
}
Harm = Callable[[Path], None]


def flip(path: Path) -> None:
    """Change one bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


HARMS: dict[str, Harm] = {
    "deleted": Path.unlink,
    "flipped": flip,
    "cut": lambda path: path.write_bytes(path.read_bytes()[:100]) and None,
}


def harmed(monkeypatch: pytest.MonkeyPatch, harm: Harm, generations: set[int], times: int) -> None:
    """Harm staged fragments of these generations before the coordinator looks, so many of each."""
    real = StoreWriter.ingest
    done: dict[str, int] = {}

    def ingest(self: StoreWriter) -> IngestReport:
        for path in staged(self.stage):
            _, block, place, _ = path.name.split("-")
            key = f"{block}{place}"
            if int(place[1:]) in generations and done.get(key, 0) < times:
                done[key] = done.get(key, 0) + 1
                harm(path)
        return real(self)

    monkeypatch.setattr(StoreWriter, "ingest", ingest)


def status(store: Path) -> str:
    with Store(store) as reader:
        return str(reader.sql("SELECT status FROM runs ORDER BY started DESC")["status"][0])


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    """One worker for all runs here."""
    with Crew(1) as found:
        yield found


@pytest.fixture(scope="module")
def calm(crew: Crew, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of a run that nobody harmed."""
    store = tmp_path_factory.mktemp("calm")
    result = run(SPEC, store, crew=crew)
    assert result.holds and not result.short
    return store


@pytest.mark.parametrize(
    ("harm", "generations"),
    [
        ("deleted", {2}),
        ("deleted", {6}),
        ("deleted", set(range(7))),
        ("flipped", {0, 1, 4}),
        ("cut", {3}),
    ],
)
def test_what_was_lost_on_the_stage_is_run_again(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    crew: Crew,
    calm: Path,
    harm: str,
    generations: set[int],
) -> None:
    harmed(monkeypatch, HARMS[harm], generations, 1)
    said = []
    result = run(SPEC, tmp_path, crew=crew, watch=said.append, every=0.0)
    assert result.holds and not result.short and status(tmp_path) == "complete"
    again = [one.message for one in said if one.event == "retry"]
    assert len(again) == 2 and all("did not reach the store" in text for text in again)
    with Store(calm) as one, Store(tmp_path) as other:
        assert other.metrics().equals(one.metrics())
        assert set(other.cells()["status"]) == {"complete"}


def test_what_is_lost_every_time_is_said_and_the_run_has_failed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    crew: Crew,
) -> None:
    harmed(monkeypatch, Path.unlink, {2, 3, 5}, 100)
    result = run(SPEC, tmp_path, crew=crew)
    assert not result.holds and status(tmp_path) == "failed"
    text = "generations 2 to 3, 5 did not reach the store, although it was run again"
    assert [failure.message for failure in result.failures] == [text] * 2
    ending.trouble(result, "recurse run whole.yaml")
    assert ending.code([result], partial=False) == failures.FAILED
    said = capsys.readouterr().err
    assert f"policy=replace on numpy: {text}" in said
    assert "to try the rest again: recurse run whole.yaml" in said
    monkeypatch.undo()
    again = run(SPEC, tmp_path, crew=crew)
    assert again.holds and status(tmp_path) == "complete"


def test_a_run_that_ends_short_says_so_whatever_the_reason(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    crew: Crew,
) -> None:
    """The invariant does not rest on the engine: here it forgets to look."""
    monkeypatch.setattr(LocalEngine, "_again", lambda self: False)
    harmed(monkeypatch, Path.unlink, {4}, 1)
    result = run(SPEC, tmp_path, crew=crew)
    assert not result.holds and status(tmp_path) == "incomplete"
    assert [one.missing for one in result.short] == [((4, 4),)] * 6
    assert [one.done for one in result.short] == [3] * 6
    assert ending.summary(result) == "whole: 0 cells run, 6 incomplete"
    ending.trouble(result, "recurse run whole.yaml")
    said = capsys.readouterr().err
    assert "policy=replace on numpy, seed 0, 1, 2: generation 4 did not reach the store" in said
    assert ending.code([result], partial=True) == failures.FAILED


def test_a_run_of_some_arms_is_complete_without_the_others(tmp_path: Path, crew: Crew) -> None:
    result = run(SPEC, tmp_path, crew=crew, only=["policy=replace"])
    assert result.holds and status(tmp_path) == "complete"
