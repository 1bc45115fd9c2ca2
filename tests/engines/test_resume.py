"""Replicates that fail at once stay in their block: longer runs and retries keep every number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from recurse.engines.crew import Crew
from recurse.running.run import Result
from recurse.running.run import run as start
from recurse.store import Store, StoreWriter

SPEC: dict[str, Any] = {
    "version": 1,
    "name": "beta",
    "source": {"kind": "beta", "alpha": 0.01},  # some of its numbers are 0: no finite fit
    "model": "beta",
    "policy": "replace",
    "corrector": {"kind": "watermark", "tpr": 0.5},
    "samples": {"real": 300, "synthetic": 300},
    "generations": 1,
    "seeds": 12,
    "backend": "numpy",
    "metrics": ["parameter_error"],
}
Run = Callable[..., Result]
Calm = tuple[pl.DataFrame, set[tuple[str, int]]]
LONG = {**SPEC, "generations": 3}


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """Runs with one worker for all."""
    with Crew(1) as crew:
        yield partial(start, crew=crew)


def numbers(store: Path) -> pl.DataFrame:
    with Store(store) as opened:
        return opened.metrics().sort("arm", "seed", "generation")


def widths(store: Path) -> set[int]:
    with Store(store) as opened:
        return set(opened.sql("SELECT CAST(detail->>'width' AS INT) AS w FROM numerics")["w"])


def lost(result: Result) -> set[tuple[str, int]]:
    assert not result.failures, result.failures
    return {(cell, generation) for cell, generation, _ in result.lost}


def without_blocks(store: Path) -> None:
    """A store as it was written before failures knew their block."""
    with StoreWriter(store, minimum_free=0) as writer:
        writer._connection.execute("UPDATE failures SET block = NULL")
        writer.publish()


@pytest.fixture(scope="module")
def calm(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Calm:
    """The numbers and the failures of a run that nobody disturbed."""
    store = tmp_path_factory.mktemp("calm")
    found = lost(run(LONG, store))
    assert {0} < {generation for _, generation in found} and len(found) < 12
    return numbers(store), found


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("retry", [True, False])
def test_a_longer_run_and_a_retry_give_the_numbers_of_one_run(
    run: Run, tmp_path: Path, calm: Calm, retry: bool, known: bool
) -> None:
    """Also where it is not known in which block the failures were."""
    run(SPEC, tmp_path)
    if not known:
        without_blocks(tmp_path)
    for _ in range(2):
        assert lost(run(LONG, tmp_path, retry=retry)) == calm[1]
        assert numbers(tmp_path).equals(calm[0])
    assert not known or widths(tmp_path) == {12}


def test_what_failed_in_two_arms_is_tried_again_in_two_blocks(run: Run, tmp_path: Path) -> None:
    arms = {"matrix": {"corrector.tpr": [0.5, 0.25]}}
    made = run({**LONG, **arms}, tmp_path)
    before, found = numbers(tmp_path), lost(made)
    arm = {cell.id: cell.arm for cell in made.plan.cells}
    assert {arm[cell] for cell, _ in found} == {0, 1}
    for known in (True, False):
        again = run({**LONG, **arms}, tmp_path, retry=True)
        assert lost(again) == found
        assert not known or [len(block.cells) for block in again.plan.blocks] == [12, 12]
        assert all(arm[c] == block.arm for block in again.plan.blocks for c in block.cells)
        assert numbers(tmp_path).equals(before)
        without_blocks(tmp_path)


def test_seeds_that_are_not_in_order_keep_their_numbers_in_a_longer_run(
    run: Run, tmp_path: Path
) -> None:
    """A checkpoint knows replicates by their place in the block."""
    whole = {"source": {"kind": "beta", "alpha": 1.0}, "corrector": "none", "seeds": [9, 4, 6]}
    run({**SPEC, **whole}, tmp_path / "extended")
    for name in ("extended", "calm"):
        run({**LONG, **whole}, tmp_path / name)
    assert numbers(tmp_path / "extended").equals(numbers(tmp_path / "calm"))
    assert widths(tmp_path / "extended") == {3}
