"""A second run of what is stored: nothing is judged or written again unless something changed."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

import recurse
from recurse.running import outcome, standing
from recurse.spec import kinds
from recurse.store import Store

SPEC: dict[str, Any] = {
    "version": 1,
    "name": "again",
    "source": {"kind": "gaussian", "dim": 1},
    "model": "gaussian",
    "policy": "accumulate",
    "samples": {"real": 20, "synthetic": 20},
    "generations": 3,
    "seeds": 8,
    "backend": "numpy",
    "metrics": ["mean_error"],
    "claims": [{"kind": "matches_theory", "metric": "mean_error"}],
}


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the scenarios that were judged, in order."""
    found: list[str] = []
    real = outcome.judge

    def judge(scenario: Any, arrays: Any) -> Any:
        found.append(scenario.name)
        if scenario.title == "Stopped":
            raise KeyboardInterrupt
        return real(scenario, arrays)

    monkeypatch.setattr(outcome, "judge", judge)
    return found


def test_what_stands_is_not_judged_or_written_again(tmp_path: Path, judged: list[str]) -> None:
    first = recurse.run(SPEC, tmp_path, jobs=1)
    snapshots = sorted(path.name for path in (tmp_path / "snapshots").iterdir())
    again = recurse.run(SPEC, tmp_path, jobs=1)
    assert judged == ["again"]
    assert (again.claims, again.run, again.status) == (first.claims, first.run, "complete")
    assert again.plan.count("cached") == 8 and again.holds == first.holds
    assert sorted(path.name for path in (tmp_path / "snapshots").iterdir()) == snapshots
    with Store(tmp_path) as opened:
        assert len(opened.runs()) == 1


def test_every_change_is_judged_again(
    tmp_path: Path, judged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recurse.run(SPEC, tmp_path, jobs=1)
    changed = copy.deepcopy(SPEC)
    changed["claims"][0]["note"] = "said otherwise"
    assert recurse.run(changed, tmp_path, jobs=1).claims[0].statement == "said otherwise"
    assert len(judged) == 2
    longer = {**changed, "generations": 4}
    recurse.run(longer, tmp_path, jobs=1)
    assert len(judged) == 3
    monkeypatch.setattr(standing, "program", lambda: "0.1.0+edited")
    for _ in range(2):
        recurse.run(longer, tmp_path, jobs=1)
        assert len(judged) == 4


def test_a_run_that_was_stopped_does_not_stand(tmp_path: Path, judged: list[str]) -> None:
    recurse.run(SPEC, tmp_path, jobs=1)
    stopped = {**SPEC, "title": "Stopped"}
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            recurse.run(stopped, tmp_path, jobs=1)
    assert len(judged) == 3


def test_claims_that_read_a_file_are_judged_each_time() -> None:
    """A published curve may be edited between two runs; the spec does not tell."""
    outside = {name for name, kind in kinds("claim").items() if getattr(kind, "outside", False)}
    assert outside == {"matches_curve"}
