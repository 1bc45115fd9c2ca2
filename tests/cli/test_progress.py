"""The progress of a run, on a terminal and into a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurse import plan
from recurse.cli import console, progress
from recurse.engines.local import Progress


def test_one_plain_line_per_arm(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    console.begin([])
    made = plan(spec)
    with progress.Watcher() as watcher:
        watcher.planned(made)
        for block in made.blocks:
            for generation in range(4):
                watcher(Progress("generation", block, generation))
        watcher(Progress("retry", made.blocks[0], message="the worker was killed by signal 9"))
        watcher(Progress("done", made.blocks[0]))
        watcher(Progress("failed", made.blocks[1], message="out of memory"))
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "policy=replace on numpy is tried again: the worker was killed by signal 9",
        "policy=replace on numpy: 3 generations of 6 seeds after under a second",
        "policy=accumulate on numpy failed: out of memory",
    ]


def test_a_log_says_what_is_done_before_the_first_generation_once(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = ("starting a worker", "importing torch", "compiling, first generation")
    for flags in ((), ("quiet",)):
        console.begin([])
        console.settings.quiet = bool(flags)
        made = plan(spec)
        with progress.Watcher() as watcher:
            watcher.planned(made)
            for block in made.blocks[:2]:
                for what in steps:
                    watcher(Progress("doing", block, message=what))
                watcher(Progress("training", block, message="step 64/600"))  # a terminal's alone
        wanted = [] if flags else [f"policy=replace on numpy: {what}" for what in steps]
        assert capsys.readouterr().err.splitlines() == wanted


def test_what_is_passing_leaves_nothing_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    console.begin([])
    with progress.passing("planning tiny"):
        pass
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "_terminal", lambda: True)
    with progress.passing("planning \x1b]tiny"):
        during = capsys.readouterr().err
    assert "planning" in during and "\x1b" not in during and not during.endswith("\n")
    assert capsys.readouterr().err == "\r\x1b[K"


@pytest.mark.parametrize("width", [80, 120])
def test_a_live_line_on_a_terminal(
    spec: Path,
    width: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(progress, "_terminal", lambda: True)
    monkeypatch.setenv("TTY_COMPATIBLE", "1")  # rich draws as on a terminal
    monkeypatch.setenv("COLUMNS", str(width))
    console.begin([])
    made = plan(spec)
    block = made.blocks[0]
    with progress.Watcher() as watcher:
        assert watcher._live is not None
        watcher.planned(made)
        for what in ("starting a worker", "importing torch", "compiling, first generation"):
            watcher(Progress("doing", block, message=what))
            watcher._live._progress.refresh()
        for generation in (0, 1, 2, 2):  # told twice after a retry, counted once
            watcher(Progress("generation", block, generation, loss=0.25))
        watcher._live._progress.refresh()
        assert watcher._live._progress.tasks[0].completed == 3 * 6
    said = capsys.readouterr()
    assert said.out == ""
    assert "policy=replace on numpy  generation 2/3  loss 0.25" in said.err
    assert ("rep.-gen./s" in said.err) == (width == 80)
    assert ("replicate-generations/s" in said.err) == (width == 120)
    assert "38%" in said.err  # 18 of 48
    assert "tiny  preparing" in said.err
    for what in ("starting a worker", "importing torch", "compiling, first generation"):
        assert f"policy=replace on numpy  {what}" in said.err


def test_large_numbers_are_short() -> None:
    assert [progress._short(n) for n in (12.0, 4711.0, 2.5e6)] == ["12", "4.71k", "2.5M"]
