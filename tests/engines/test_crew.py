"""Workers that serve one plan after another, on as many backends as the plans have."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurse.engines import local
from recurse.engines.crew import Crew, Worker
from recurse.running.run import run
from recurse.store import Store
from tests.engines.small import SPEC


def spec(name: str, **fields: Any) -> dict[str, Any]:
    return {**SPEC, "name": name, **fields}


def test_the_next_scenario_finds_the_workers_of_the_one_before(tmp_path: Path) -> None:
    """And its numbers are those of a crew of its own."""
    arms = {"matrix": {"samples.real": [10, 20, 30]}}
    with Crew(2) as crew:
        run(spec("one", **arms), tmp_path / "a", crew=crew)
        first = {worker.process.pid for worker in crew.workers}
        run(spec("two", generations=5, **arms), tmp_path / "b", crew=crew)
        assert {worker.process.pid for worker in crew.workers} == first
        workers = list(crew.workers)
        assert all(worker.process.poll() is None for worker in workers)
    assert len(first) == 2
    assert all(worker.process.poll() is not None for worker in workers)
    run(spec("two", generations=5, **arms), tmp_path / "c")
    for place in ("b", "c"):
        assert not list((tmp_path / place).glob("plan-*.json"))
    with Store(tmp_path / "b") as b, Store(tmp_path / "c") as c:
        for (arm, found), (other, expected) in zip(
            b.arrays("two", "mean_error").items(),
            c.arrays("two", "mean_error").items(),
            strict=True,
        ):
            assert arm == other
            np.testing.assert_array_equal(found.values, expected.values)


def test_a_worker_that_died_between_two_scenarios_is_replaced(tmp_path: Path) -> None:
    with Crew(1) as crew:
        run(spec("one"), tmp_path, crew=crew)
        os.kill(crew.workers[0].process.pid, signal.SIGKILL)
        crew.workers[0].process.wait()
        result = run(spec("two", samples={"real": 9, "synthetic": 9}), tmp_path, crew=crew)
        assert not result.failures and not result.lost


def test_each_backend_has_a_worker_where_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With room for two, two backends are served side by side; with one, one after the other."""
    started: list[str] = []
    real = Worker.__init__

    def counted(self: Worker, backend: str) -> None:
        started.append(backend)
        real(self, backend)

    monkeypatch.setattr(Worker, "__init__", counted)
    monkeypatch.setattr(local, "_PATIENCE", 600.0)
    both = {"matrix": {"backend": ["numpy", "torch"], "samples.real": [10, 20]}}
    with Crew(2) as crew:
        run(spec("two", **both), tmp_path, crew=crew)
    assert sorted(started) == ["numpy", "torch"]
    started.clear()
    both["matrix"]["samples.real"] = [30, 40]
    with Crew(1) as crew:
        result = run(spec("one", **both), tmp_path, crew=crew)
    assert sorted(started) == ["numpy", "torch"]
    assert not result.failures


def test_a_free_worker_makes_room_for_another_backend_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both workers have served numpy; torch has two blocks, and gets a worker for each."""
    monkeypatch.setattr(local, "_PATIENCE", 0.0)
    arms = {"matrix": {"samples.real": [10, 20]}}
    with Crew(2) as crew:
        run(spec("numpy", **arms), tmp_path, crew=crew)
        assert [worker.backend for worker in crew.workers] == ["numpy", "numpy"]
        run(spec("torch", backend="torch", **arms), tmp_path, crew=crew)
        assert [worker.backend for worker in crew.workers] == ["torch", "torch"]
