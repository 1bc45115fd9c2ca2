"""Killed at any moment, a run continues where it was and ends with the bits of one never killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from recurse.reading.yamlfile import dump
from recurse.store.reader import Store

DRIVER = Path(__file__).with_name("driver.py")
KILLS = 20
CLOSED = {
    "version": 1,
    "name": "crash",
    "source": {"kind": "gaussian", "dim": 2},
    "model": {"kind": "gaussian"},
    "samples": {"real": 20, "synthetic": 20},
    "generations": 150,
    "seeds": 6,
    "backend": "numpy",
    "metrics": ["mean_error", "variance_ratio"],
    "matrix": {
        "policy": ["replace", "accumulate", "accumulate_subsample", {"kind": "window", "size": 3}],
    },
}
NEURAL = {
    **CLOSED,
    "source": {"kind": "digits"},
    "model": {
        "kind": "vae",
        "net": {"kind": "mlp", "hidden": [16]},
        "latent": 2,
        "train": {"epochs": 4, "batch": 32},
    },
    "samples": {"real": 200, "synthetic": 200},
    "generations": 7,
    "seeds": 3,
    "metrics": ["elbo", "latent_spread"],
    "matrix": {"policy": ["accumulate"]},
}


def start(store: Path, spec: Path, every: float) -> subprocess.Popen[bytes]:
    """The coordinator, in a session of its own."""
    command = [sys.executable, str(DRIVER), str(store), str(spec), str(every)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )


def workers(process: subprocess.Popen[bytes]) -> list[int]:
    """The children of a coordinator."""
    try:
        text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    except OSError:
        return []
    return [int(pid) for pid in text.split()]


def kill(process: subprocess.Popen[bytes], whom: str) -> None:
    """SIGKILL the coordinator, one of its workers, or all of them at once."""
    children = workers(process)
    targets = {"coordinator": [process.pid], "worker": children[:1]}
    for pid in targets.get(whom, [process.pid, *children]):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def finish(process: subprocess.Popen[bytes]) -> None:
    """Wait for a run that must end well."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err.decode()
    assert out.split() == [b"failures", b"0"], (out, err)


def results(store: Path) -> pl.DataFrame:
    """Every stored number."""
    with Store(store) as reader:
        frame = reader.metrics()
    return frame.sort("arm", "seed", "generation", "metric")


def write(folder: Path, data: dict[str, object], **more: object) -> Path:
    """A spec file."""
    path = folder / "spec.yaml"
    path.write_text(dump({**data, **more}), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pl.DataFrame]:
    """The spec, and its results when nobody interferes."""
    folder = tmp_path_factory.mktemp("calm")
    spec = write(folder, CLOSED)
    finish(start(folder / "runs", spec, 2.0))
    return spec, results(folder / "runs")


def test_random_kills_lose_and_double_nothing(
    tmp_path: Path, undisturbed: tuple[Path, pl.DataFrame]
) -> None:
    spec, expected = undisturbed
    chance = random.Random(20_261_121)
    kills = stores = 0
    while kills < KILLS:
        stores += 1
        store = tmp_path / f"runs{stores}"
        while True:
            process = start(store, spec, chance.choice([0.0, 0.3, 2.0]))
            try:
                process.wait(timeout=chance.uniform(0.05, 2.5))
            except subprocess.TimeoutExpired:
                whom = chance.choice(["coordinator", "worker", "both"])
                kill(process, whom)
                kills += 1
                if whom != "worker":
                    process.communicate(timeout=60)
                    continue
            finish(process)
            break
        found = results(store)
        assert found.height == found.unique(["arm", "seed", "generation", "metric"]).height
        assert found.equals(expected)


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_a_neural_arm_resumes_in_the_middle_with_the_same_bits(
    tmp_path: Path, backend: str
) -> None:
    spec = write(tmp_path, NEURAL, backend=backend)
    finish(start(tmp_path / "calm", spec, 0.0))
    store = tmp_path / "killed"
    process = start(store, spec, 0.0)
    deadline = time.monotonic() + 60
    while not list((store / "checkpoints").glob("*/g000002/manifest.json")):
        assert time.monotonic() < deadline and process.poll() is None, process.communicate()
        time.sleep(0.005)
    kill(process, "both")
    process.communicate(timeout=60)
    with Store(store) as reader:
        assert 2 <= reader.cells()["done"].min() < NEURAL["generations"]  # type: ignore[operator]
    finish(start(store, spec, 0.0))
    assert results(store).equals(results(tmp_path / "calm"))


def test_a_worker_without_a_coordinator_ends(
    tmp_path: Path, undisturbed: tuple[Path, pl.DataFrame]
) -> None:
    process = start(tmp_path / "runs", undisturbed[0], 2.0)
    deadline = time.monotonic() + 60
    while not (children := workers(process)):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    kill(process, "coordinator")
    process.communicate(timeout=60)
    while any(Path(f"/proc/{pid}/status").exists() for pid in children):
        assert time.monotonic() < deadline, "a worker outlived its coordinator"
        time.sleep(0.02)
