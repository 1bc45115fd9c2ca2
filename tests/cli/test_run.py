"""`run` and what it leaves out: cached cells, new titles, more seeds, more generations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from recurse.engines import local
from recurse.store import snapshot

Rows = list[tuple[Any, ...]]


def rows(store: Path, query: str) -> Rows:
    """A query on the newest snapshot."""
    newest = snapshot.newest(store)
    assert newest is not None
    with duckdb.connect(str(newest), read_only=True) as connection:
        return connection.execute(query).fetchall()


GENERATIONS = "SELECT run, count(*) FROM generations GROUP BY run ORDER BY min(rowid)"


def test_a_scenario_grows_by_what_is_new_only(call: Any, spec: Path, tmp_path: Path) -> None:
    store = tmp_path / "runs"
    base = ("run", spec, "--store", store, "--no-report", "-j", "1")

    said = call(*base)
    assert said.code == 0
    assert "tiny: 12 cells run" in said.out
    assert said.out.count("holds") == 2
    assert "policy=replace on numpy: 3 generations of 6 seeds" in said.err
    assert f"recurse show tiny --store {store}" in said.err
    assert [count for _, count in rows(store, GENERATIONS)] == [48]

    said = call(*base, "-s", "title=Another title")
    assert said.code == 0
    assert "cached: 12 cells; nothing to run" in said.out
    assert said.out.count("holds") == 2
    assert [count for _, count in rows(store, GENERATIONS)] == [48]
    assert rows(store, "SELECT title FROM scenarios") == [("Another title",)]

    said = call(*base, "-s", "seeds=7", "-s", "generations=4")
    assert said.code == 0
    # 12 cells get one generation more, 2 new cells all five of theirs
    assert [count for _, count in rows(store, GENERATIONS)] == [48, 12 + 2 * 5]
    doubled = "SELECT cell, generation FROM generations GROUP BY ALL HAVING count(*) > 1"
    assert rows(store, doubled) == []


def test_a_selection_runs_its_arms_alone(call: Any, spec: Path, tmp_path: Path) -> None:
    store = tmp_path / "runs"
    said = call("run", spec, "--store", store, "--select", "policy=accumulate")
    assert said.code == 0
    arms = "SELECT DISTINCT arm FROM v_metrics"
    assert rows(store, arms) == [("policy=accumulate",)]


def test_a_failed_claim_is_exit_code_1(call: Any, spec: Path, tmp_path: Path) -> None:
    claim = "claims=[{kind: grows, metric: excess_risk, factor: 1000.0}]"
    base = ("run", spec, "--store", tmp_path / "runs", "--no-report", "-s", "seeds=300")
    said = call(*base, "-s", claim)
    assert said.code == 1
    assert "FAILS" in said.out


def test_a_store_in_use_is_exit_code_3(call: Any, spec: Path, tmp_path: Path) -> None:
    from recurse.store.writer import StoreWriter

    store = tmp_path / "runs"
    with StoreWriter(store, "another run"):
        said = call("run", spec, "--store", store)
    assert said.code == 3
    assert "is in use by 'another run' (PID" in said.err
    assert said.out == ""


def test_an_interrupted_run_says_how_to_go_on(
    call: Any, spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(self: local.LocalEngine) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(local.LocalEngine, "execute", interrupt)
    store = tmp_path / "runs"
    said = call("run", spec, "--store", store)
    assert said.code == 130
    assert f"To continue: recurse run {spec} --store {store}" in said.err
    assert rows(store, "SELECT status FROM runs") == [("interrupted",)]


def test_a_bug_is_one_line_and_a_file(
    call: Any, spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: local.LocalEngine) -> None:
        raise LookupError("planted")

    monkeypatch.setattr(local.LocalEngine, "execute", fail)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    said = call("run", spec, "--store", tmp_path / "runs")
    assert said.code == 4
    assert "Traceback" not in said.err
    (report,) = tmp_path.glob("recurse-*.txt")
    assert str(report) in said.err
    assert "LookupError: planted" in report.read_text()


def test_dry_run_is_the_plan(call: Any, spec: Path, tmp_path: Path) -> None:
    store = tmp_path / "runs"
    dry = call("run", "-n", spec, "--store", store)
    assert dry == call("plan", spec, "--store", store)
    assert not store.exists()
