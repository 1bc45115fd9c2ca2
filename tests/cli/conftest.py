"""The command line called in this process, and a store with one finished scenario."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from recurse.cli import main

TINY = """\
version: 1
name: tiny
title: A tiny scenario
source: {kind: linear_regression, dim: 3, noise: 1.0}
model: linear
samples: {real: 20, synthetic: 20}
generations: 3
seeds: 6
backend: numpy
matrix:
  policy: [replace, accumulate]
metrics: [excess_risk]
claims:
  - {kind: bounded_by, metric: excess_risk, value: 1000}
"""


class Said(NamedTuple):
    """The end of a command."""

    code: int
    out: str
    err: str


Call = Callable[..., Said]


@pytest.fixture
def call(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Call:
    """Runs ``recurse ARGUMENTS`` in an empty folder, with the environment of a pipe."""
    for name in ("GITHUB_ACTIONS", "FORCE_COLOR", "RECURSE_STORE", "RECURSE_JOBS", "RECURSE_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Said:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return Said(code, *capfd.readouterr())

    return run


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A small scenario of the closed-form kind on the reference backend."""
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A store in which the scenario ``tiny`` has run; tests only read it."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "tiny.yaml").write_text(TINY)
    store = folder / "runs"
    assert main(["run", str(folder / "tiny.yaml"), "--store", str(store), "--no-report"]) == 0
    yield store
