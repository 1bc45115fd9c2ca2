"""Killed within a fit, a block goes on from its last steps and ends with the same bits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from recurse.engines.keeper import Keeper
from recurse.lowering.supervisor import Step
from recurse.reading.yamlfile import dump
from recurse.store.staging import read_fragment, staged
from tests.engines.one_block import execute, task
from tests.engines.test_crash import finish, kill, results, start
from tests.neural_arms import TRAINERS

SPEC: dict[str, Any] = {
    "version": 1,
    "name": "fits",
    "source": {"kind": "digits"},
    "model": {
        "kind": "vae",
        "net": {"kind": "mlp", "hidden": [17]},
        "latent": 3,
        "train": {"steps": 600, "batch": 13, "average": {"decay": 0.9}, "clip": 5.0,
                  "schedule": "cosine", "over": "loop", "carry": True},
    },
    "policy": "accumulate",
    "start": "warm",
    "samples": {"real": 60, "synthetic": 60},
    "generations": 2,
    "metrics": ["elbo", "latent_spread"],
}  # fmt: skip
CALLS = 10  # of a trainer in one fit of 600 steps, 64 in each: 9 fits and a generation are kept


def spec(folder: Path, **more: Any) -> Path:
    path = folder / "spec.yaml"
    path.write_text(dump({**SPEC, **more}), encoding="utf-8")
    return path


def numbers(store: Path) -> dict[int, NDArray[np.float64]]:
    """Everything that was staged, by generation."""
    fragments = [read_fragment(path) for path in staged(store / "stage")]
    return {fragment.generation: fragment.values for fragment in fragments}


def broken(store: Path, path: Path, where: str) -> None:
    """Run a block until it kills itself at a step of writing a checkpoint."""
    command = [sys.executable, "-m", "tests.engines.one_block", str(store), str(path)]
    environment = {**os.environ, "RECURSE_FAULT": where}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=300)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """(generation, first step) of every call of a trainer in this process."""
    found: list[tuple[int, int]] = []
    usual = Keeper.step

    def noted(self: Keeper, step: Step) -> None:
        found.append((step.generation, step.done - len(step.losses)))
        usual(self, step)

    monkeypatch.setattr(Keeper, "step", noted)
    return found


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("backend", TRAINERS)
def test_a_kill_inside_a_fit_costs_a_few_steps_and_no_bit(
    tmp_path: Path, backend: str, seeds: int, steps: list[tuple[int, int]]
) -> None:
    """In generation 1, after the fourth, and while the fifth is written; then once more."""
    path = spec(tmp_path, backend=backend, seeds=seeds)
    execute(task(path), tmp_path / "calm")
    expected = numbers(tmp_path / "calm")
    calls = [(g, 64 * k) for g in range(3) for k in range(CALLS)]
    assert steps == calls and sorted(expected) == [0, 1, 2]
    store = tmp_path / "killed"
    broken(store, path, f"checkpoint.before_rename:{CALLS + 5}")
    assert sorted(numbers(store)) == [0]
    steps.clear()
    execute(task(path, done=0), store)
    assert steps == calls[CALLS + 4 :], "only the steps after the fourth are made again"
    found = numbers(store)
    assert found.keys() == expected.keys()
    for generation, values in expected.items():
        np.testing.assert_array_equal(found[generation], values)
    assert not list((store / "checkpoints").glob("*.fit"))


def test_a_kill_between_a_generation_and_the_end_of_its_fit(
    tmp_path: Path, steps: list[tuple[int, int]]
) -> None:
    """What is left of the old fit does not hide the new one."""
    path = spec(tmp_path, backend="torch", seeds=2)
    execute(task(path), tmp_path / "calm")
    expected, store = numbers(tmp_path / "calm"), tmp_path / "killed"
    broken(store, path, f"checkpoint.after_prune:{CALLS}")
    assert list((store / "checkpoints").glob("*.fit/*"))
    broken(store, path, "checkpoint.after_rename:3")
    # It began with the last call of generation 0, so two of its three checkpoints are of fit 1.
    steps.clear()
    execute(task(path, done=0), store)
    assert steps[0] == (1, 128)
    for generation, values in numbers(store).items():
        np.testing.assert_array_equal(expected[generation], values)


@pytest.mark.parametrize("what", ["fit", "pool"])
def test_a_damaged_fit_or_pool_costs_time_only(
    tmp_path: Path, what: str, steps: list[tuple[int, int]]
) -> None:
    """The fit before it is used; without its pools a block begins anew."""
    path = spec(tmp_path, backend="torch", seeds=2)
    execute(task(path), tmp_path / "calm")
    expected, store = numbers(tmp_path / "calm"), tmp_path / "killed"
    broken(store, path, f"checkpoint.after_rename:{CALLS + 5}")
    pattern = "checkpoints/*.fit/g000320/state.safetensors"
    (file,) = store.glob("pools/*/real-*/*.npy" if what == "pool" else pattern)
    content = bytearray(file.read_bytes())
    content[-2] ^= 1
    file.write_bytes(bytes(content))
    steps.clear()
    execute(task(path, done=0), store)
    assert steps[0] == ((0, 0) if what == "pool" else (1, 256))
    found = numbers(store)
    assert found.keys() == expected.keys()
    for generation, values in expected.items():
        np.testing.assert_array_equal(found[generation], values)


def test_the_whole_group_killed_inside_a_fit(tmp_path: Path) -> None:
    """Coordinator and workers at once, while a fit is kept; the run goes on where it was."""
    path = spec(tmp_path, backend="torch", seeds=3)
    finish(start(tmp_path / "calm", path, 0.0))
    store = tmp_path / "killed"
    process = start(store, path, 0.0)
    deadline = time.monotonic() + 120
    while not list(store.glob("checkpoints/*.fit/g000192/manifest.json")):
        assert time.monotonic() < deadline and process.poll() is None, process.communicate()
        time.sleep(0.002)
    kill(process, "both")
    process.communicate(timeout=60)
    assert list(store.glob("checkpoints/*.fit/g*"))
    finish(start(store, path, 0.0))
    assert results(store).equals(results(tmp_path / "calm"))
    assert not list(store.glob("checkpoints/*.fit"))
