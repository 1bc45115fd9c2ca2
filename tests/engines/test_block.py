"""One block in this process: broken models, full disks, pictures, checkpoints."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurse.backend import backends
from recurse.engines import block, png, worker
from recurse.engines.block import Orphaned, Task
from recurse.engines.crew import launch
from recurse.lowering import Numbers
from recurse.lowering.closed import ClosedForm
from recurse.numerics.arrays import Arrays
from recurse.planning.plan import Plan
from recurse.planning.planner import plan
from recurse.running.run import run
from recurse.scenario.scenario import load
from recurse.store import checkpoint
from recurse.store.reader import Store
from recurse.store.staging import read_fragment, staged

SPEC: dict[str, Any] = {
    "version": 1,
    "name": "block",
    "source": {"kind": "gaussian", "dim": 2},
    "model": {"kind": "gaussian"},
    "policy": {"kind": "replace"},
    "samples": {"real": 20, "synthetic": 20},
    "generations": 6,
    "seeds": 3,
    "backend": "numpy",
    "metrics": ["mean_error"],
}


def task(made: Plan, every: float = 0.0) -> Task:
    """The first block of a plan."""
    first = made.blocks[0]
    arm = made.arms[first.arm].arm
    exact = first.lowering == "statistics"
    return Task("run", first.id, arm, first.seeds, first.cells, exact, -1, first.last, every)


def execute(job: Task, store: Path) -> None:
    backend = backends()[job.arm.backend]
    block.execute(job, backend, backend.start(), store, lambda generation, trained: None)


def broken(monkeypatch: pytest.MonkeyPatch, at: int, replicate: int) -> None:
    """Give one replicate a model that is not finite in one generation."""
    fit = ClosedForm.fit

    def poisoned(
        self: ClosedForm, generation: int, data: Any, previous: Arrays | None
    ) -> tuple[Arrays, Numbers]:
        params, numbers = fit(self, generation, data, previous)
        if generation == at:
            mean = np.array(params["mean"])
            mean[replicate] = np.nan
            params = {**params, "mean": mean}
        return params, numbers

    monkeypatch.setattr(ClosedForm, "fit", poisoned)


def values(store: Path) -> dict[tuple[str, int], float]:
    """(cell, generation) -> value of everything staged."""
    fragments = [read_fragment(path) for path in staged(store / "stage")]
    return {
        (cell, fragment.generation): float(fragment.values[row, 0])
        for fragment in fragments
        for row, cell in enumerate(fragment.cells)
        if cell not in fragment.failures
    }


def test_a_model_that_breaks_fails_its_cell_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = plan(SPEC)
    execute(task(made), tmp_path / "whole")
    broken(monkeypatch, at=3, replicate=1)
    execute(task(made), tmp_path / "broken")
    cells = made.blocks[0].cells
    calm, hurt = values(tmp_path / "whole"), values(tmp_path / "broken")
    assert hurt == {k: v for k, v in calm.items() if k[0] != cells[1] or k[1] < 3}
    failures = [read_fragment(p).failures for p in staged(tmp_path / "broken" / "stage")]
    assert [f for f in failures if f] == [{cells[1]: "the model of generation 3 is not finite"}]


def test_a_broken_replicate_stays_failed_after_a_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = plan(SPEC)
    broken(monkeypatch, at=2, replicate=0)
    job = task(made)
    execute(Task(**{**job.__dict__, "last": 4}), tmp_path)
    execute(Task(**{**job.__dict__, "done": 4}), tmp_path)
    last = read_fragment(staged(tmp_path / "stage")[-1])
    assert last.generation == 6 and last.cells == job.cells[1:] and not last.failures


def test_a_loss_that_is_not_finite_is_reported_and_the_exit_is_not_clean(tmp_path: Path) -> None:
    spec = {
        **SPEC,
        "source": {"kind": "digits"},
        "model": {"kind": "vae", "net": {"kind": "mlp", "hidden": [8]}, "latent": 2,
                  "train": {"epochs": 3, "batch": 32, "learning_rate": 0.99},
                  "likelihood": "gaussian", "scale": 1e-30},
        "samples": {"real": 64, "synthetic": 64},
        "backend": "torch",
        "generations": 2,
        "metrics": ["elbo"],
    }  # fmt: skip
    result = run(spec, tmp_path)
    assert not result.holds and len(result.lost) == 3
    cell, generation, reason = result.lost[0]
    assert cell in {c.id for c in result.plan.cells}
    assert reason == f"the loss of generation {generation} is not finite in step 1 of 6"
    with Store(tmp_path) as store:
        assert set(store.cells()["status"]) == {"failed"}
    again = run(spec, tmp_path)
    assert not again.plan.blocks and len(again.lost) == 3


def test_checkpoints_are_kept_at_the_pace_that_was_asked_for(tmp_path: Path) -> None:
    made = plan(SPEC)
    execute(task(made, every=1e9), tmp_path / "rare")
    execute(task(made, every=0.0), tmp_path / "often")
    name = made.blocks[0].id
    for folder, kept in (("rare", ["g000006"]), ("often", ["g000005", "g000006"])):
        found = sorted(p.name for p in (tmp_path / folder / "checkpoints" / name).iterdir())
        assert found == kept
    saved = checkpoint.newest(tmp_path / "often" / "checkpoints", name)
    assert saved is not None and saved.arrays["params/covariance"].shape == (3, 2, 2)


def test_a_checkpoint_of_another_width_is_passed_over(tmp_path: Path) -> None:
    job = task(plan(SPEC))
    execute(job, tmp_path / "calm")
    narrow = task(plan({**SPEC, "seeds": 2}))
    execute(Task(**{**narrow.__dict__, "block": job.block, "last": 4}), tmp_path / "odd")
    for path in staged(tmp_path / "odd" / "stage"):
        path.unlink()
    execute(Task(**{**job.__dict__, "done": 4}), tmp_path / "odd")
    calm = values(tmp_path / "calm")
    assert values(tmp_path / "odd") == {k: v for k, v in calm.items() if k[1] > 4}


def test_a_worker_that_started_after_its_coordinator_was_killed_computes_nothing(
    tmp_path: Path,
) -> None:
    """Its parent is another process from the beginning; its successor runs the block."""
    made = plan(SPEC)
    with pytest.raises(Orphaned):
        execute(Task(**{**task(made).__dict__, "coordinator": os.getpid()}), tmp_path)
    frozen = tmp_path / "plan-run.json"
    frozen.write_text(json.dumps({"run": "run", "every": 0.0, **made.data()}), encoding="utf-8")
    asked = {"plan": str(frozen), "block": made.blocks[0].id, "done": -1}
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    said = {}
    for coordinator in (ended.pid, os.getpid()):
        line = json.dumps({**asked, "coordinator": coordinator})
        with tempfile.TemporaryFile() as complaints:
            process, heard = launch("recurse.engines.worker", (), complaints)
            assert process.stdin is not None
            process.stdin.write(line.encode())
            process.stdin.close()
            with heard:
                text = heard.read().decode()
            assert process.wait() == 0
        said[coordinator] = text, len(staged(tmp_path / "stage"))
    assert '"generation"' not in said[ended.pid][0] and said[ended.pid][1] == 0
    assert "done" in said[os.getpid()][0] and said[os.getpid()][1] == 7


@pytest.mark.parametrize(
    ("error", "words", "bug"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full", False),
        (MemoryError(), "out of memory", False),
        (RuntimeError("CUDA out of memory"), "out of memory", False),
        (KeyError("x"), "KeyError", True),
    ],
)
def test_what_a_worker_says_of_an_error(error: Exception, words: str, bug: bool) -> None:
    said = worker._explain(error, None)
    assert words in said["message"] and said["bug"] is bug
    json.dumps(said)


def test_pictures_are_stored_for_the_first_seed(tmp_path: Path) -> None:
    spec: Mapping[str, Any] = {
        **SPEC,
        "source": {"kind": "digits"},
        "model": {"kind": "vae", "latent": 2, "train": {"epochs": 1, "batch": 32}},
        "samples": {"real": 64, "synthetic": 64},
        "backend": "torch",
        "generations": 1,
        "metrics": ["elbo"],
    }
    run(load(spec), tmp_path)
    with Store(tmp_path) as store:
        found = store.artifacts("block", "gallery")
    assert found["generation"].to_list() == [0, 1]
    assert all(data.startswith(b"\x89PNG") for data in found["bytes"])


def test_a_strip_of_images_is_laid_out_row_by_row() -> None:
    images = np.zeros((3, 4))
    images[1, 0] = images[2, 3] = 1.0
    data = png.strip(images, columns=2)
    assert data[16:24] == (4).to_bytes(4, "big") * 2
    import zlib

    start = data.index(b"IDAT") + 4
    size = int.from_bytes(data[start - 8 : start - 4], "big")
    raw = np.frombuffer(zlib.decompress(data[start : start + size]), np.uint8).reshape(4, 5)
    expected = np.zeros((4, 4), np.uint8)
    expected[0, 2] = expected[3, 1] = 255
    np.testing.assert_array_equal(raw[:, 1:], expected)


@pytest.mark.parametrize("corrector", ["none", {"kind": "edit_labels", "share": 0.4}])
def test_a_longer_run_that_cannot_continue_starts_anew(tmp_path: Path, corrector: Any) -> None:
    """A short run keeps a running total of what a wide window will have to tell apart later."""
    spec = {
        **SPEC,
        "source": {"kind": "linear_regression", "dim": 2},
        "model": "linear",
        "corrector": corrector,
        "policy": {"kind": "window", "size": 12},
        "metrics": ["excess_risk"],
        "generations": 16,
    }
    run({**spec, "generations": 9}, tmp_path / "extended")
    found = [
        run(spec, tmp_path / name) and Store(tmp_path / name).metrics().sort("seed", "generation")
        for name in ("extended", "whole")
    ]
    extended, whole = (frame.get_column("value").to_list() for frame in found)
    assert len(whole) >= 3 * 17 and extended == whole
