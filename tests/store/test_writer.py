"""The records of a run beside its results, and the steps of the store's schema."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest

from recurse.schedule import REAL, Pool, Row, Use
from recurse.store import Store, StoreWriter, database
from recurse.store import writer as writing
from recurse.store.database import NewerStore, migrate
from recurse.store.records import (
    ClaimRecord,
    Note,
    ProbeRecord,
    Provenance,
    ScenarioRecord,
    TheoryCurve,
)
from recurse.store.staging import staged, write_fragment
from tests.store import fake

VIEWS = {
    "v_cells": "scenario arm policy backend seed cell block status generations done reason axes",
    "v_metrics": "scenario arm policy backend seed generation metric value",
    "v_summary": "scenario arm policy backend generation metric n mean se median q05 q95",
    "v_theory": "scenario arm policy generation metric kind value cite",
    "v_claims": "scenario claim arm holds evidence",
}


def test_a_run_is_recorded_before_it_works(root: Path) -> None:
    provenance = Provenance("recurse run x", {"recurse": "0.1"}, {"cpu": "x"}, {"commit": "c0"})
    with StoreWriter(root, minimum_free=0) as writer:
        run = writer.begin_run(fake.SCENARIO, fake.members(2), {"blocks": 2}, provenance)
        writer.publish()
        with Store(root) as store:
            row = store.runs().row(0, named=True)
            assert (row["run"], row["status"], row["finished"]) == (run, "running", None)
            assert (row["command"], row["scenario"]) == ("recurse run x", fake.NAME)
            keys = ("spec", "plan", "versions", "machine", "git")
            assert [json.loads(row[key]) for key in keys] == [
                {"n": 1}, {"blocks": 2}, {"recurse": "0.1"}, {"cpu": "x"}, {"commit": "c0"}
            ]  # fmt: skip
            assert store.cells()["status"].to_list() == ["partial"] * 6
        writer.finish_run("complete")
    with Store(root) as store:
        row = store.runs().row(0, named=True)
        assert row["status"] == "complete" and row["finished"] >= row["started"]


def test_a_run_that_never_ended_was_killed(root: Path) -> None:
    with StoreWriter(root, minimum_free=0) as writer:
        first = writer.begin_run(fake.SCENARIO, fake.members(2), {})
        second = writer.begin_run(fake.SCENARIO, fake.members(2), {})
    with Store(root) as store:
        status = dict(store.runs()["run", "status"].rows())
    assert status == {first: "killed", second: "running"}


def test_the_latest_form_of_a_scenario_wins(root: Path) -> None:
    newer = ScenarioRecord(fake.NAME, "Another", "c", "q", {"n": 2}, "d2")
    with StoreWriter(root, minimum_free=0) as writer:
        writer.begin_run(fake.SCENARIO, fake.members(2), {})
        run = writer.begin_run(newer, fake.members(4)[:4], {})
    with Store(root) as store:
        assert store.scenario(fake.NAME) == {
            "scenario": fake.NAME, "title": "Another", "cite": "c", "question": "q",
            "spec": {"n": 2}, "digest": "d2", "run": run,
        }  # fmt: skip
        assert store.cells()["generations"].to_list() == [4] * 4
        assert len(store.history()) == 6
        assert store.scenarios() == (fake.NAME,)


def test_theory_schedule_claims_and_notes_are_replaced(root: Path) -> None:
    nan, inf = np.nan, np.inf
    curves = [
        TheoryCurve("a", "replace", "loss", "exact", "law", np.array([nan, 1.0, inf]), "me"),
        TheoryCurve("a", "replace", "loss", "bound", "limit", np.array([2.0]), "you"),
    ]
    claims = [
        ClaimRecord("0", "bounded", "a", None, "s", "e"),
        ClaimRecord("1", "grows", "", False, "s" * 5000, '{"x": 1}'),
    ]
    synthetic = Use(Pool("synthetic", 1), 5, length=3)
    weighted = Use(Pool("synthetic", 4), 5, 0.5)
    rows = [
        Row(0, 0, 0, (Use(REAL, 9),)),
        Row(4, 5, 0, (Use(REAL, 9), synthetic, weighted), budget=9, replacement=True),
        Row(5, 5, 2, (Use(Pool("fresh", 5), 2), Use(Pool("synthetic", 3), 1), weighted)),
    ]
    with StoreWriter(root, minimum_free=0) as writer:
        for _ in range(2):
            writer.put_theory("s", curves)
            writer.put_schedule("s", {"a": iter(rows)})
            writer.put_claims("s", claims)
            writer.put_notes("s", [Note("a", "law", "does not apply")])
        writer.put_theory("other", [])
        writer.put_claims("other", [ClaimRecord("0", "k", "b", True, "s", "e")])
    with Store(root) as store:
        assert store.theory("s")["generation", "kind", "name", "value", "cite"].rows() == [
            (0, "bound", "limit", 2.0, "you"), (1, "exact", "law", 1.0, "me"),
            (2, "exact", "law", inf, "me"),
        ]  # fmt: skip
        assert store.claims("s")["claim", "holds", "evidence"].rows() == [
            ("0", None, "e"), ("1", False, '{"x": 1}')
        ]  # fmt: skip
        assert store.claims().height == 3
        assert store.notes("s").rows() == [("s", "a", "law", "does not apply")]
        assert store.schedule("s", "a").drop("scenario", "arm").rows() == [
            (0, "real", 0, 0, 9, 1.0, None, False),
            (4, "real", 0, 0, 9, 1.0, 9, True),
            (4, "synthetic", 1, 3, 5, 1.0, 9, True),
            (4, "synthetic", 4, 4, 5, 0.5, 9, True),
            (5, "fresh", 5, 5, 2, 1.0, None, False),
            (5, "synthetic", 3, 3, 1, 1.0, None, False),
            (5, "synthetic", 4, 4, 5, 0.5, None, False),
        ]


def test_fragments_stay_until_the_next_snapshot_and_two_snapshots_are_kept(root: Path) -> None:
    with StoreWriter(root, minimum_free=0) as writer:
        for generation in range(4):
            fragment = fake.fragment("r", "b0", generation, fake.start("b0"))
            write_fragment(writer.stage, fragment)
            writer.ingest()
            assert len(staged(writer.stage)) == 1
            assert writer.publish_due(1e9) is None
            assert writer.publish_due(0.0) is not None
            assert staged(writer.stage) == []
            assert writer.publish_due(0.0) is None
    names = sorted(path.name for path in (root / "snapshots").iterdir())
    assert names == ["snap-000003.duckdb", "snap-000004.duckdb"]


def test_the_views_have_the_promised_columns(root: Path) -> None:
    StoreWriter(root, minimum_free=0).close()
    steps = sorted(Path(database.__file__).parent.glob("*.sql"), reverse=True)
    schema = "\n".join(["", *(step.read_text() for step in steps)])
    with Store(root) as store:
        for view, columns in VIEWS.items():
            assert store.sql(f"SELECT * FROM {view}").columns == columns.split()
        types = store.sql("DESCRIBE v_summary")["column_name", "column_type"].rows()
        assert types[6:] == [
            ("n", "BIGINT"),
            *((name, "DOUBLE") for name in ("mean", "se", "median", "q05", "q95")),
        ]
        views = "SELECT view_name FROM duckdb_views() WHERE NOT internal AND view_name LIKE 'v\\_%'"
        names = store.sql(f"{views} ESCAPE '\\'")["view_name"]
        assert set(names) == set(VIEWS)
        tables = store.sql("SELECT table_name FROM duckdb_tables()")["table_name"]
    for name in (*tables, *names, "progress"):
        assert f"\n-- {name}: " in schema, f"{name} is not explained in schema.sql"


def test_a_newer_store_is_refused_and_untouched(root: Path) -> None:
    with StoreWriter(root, minimum_free=0) as writer:
        writer._connection.execute("INSERT INTO schema_version VALUES (99, current_date)")
        writer.publish()
    before = (root / "store.duckdb").read_bytes()
    for opening in (lambda: StoreWriter(root, minimum_free=0), lambda: Store(root)):
        with pytest.raises(NewerStore, match="schema version 99, this program knows 3") as caught:
            opening()
        assert caught.value.exit_code == 2
    assert (root / "store.duckdb").read_bytes() == before


def test_a_file_of_a_newer_duckdb_is_refused_and_untouched(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    StoreWriter(root, minimum_free=0).close()
    before = (root / "store.duckdb").read_bytes()

    def refused(root: Path) -> None:
        # What 1.5.6 says of a file that 2.0.0 wrote in its own format.
        raise duckdb.IOException(
            "IO Error: Trying to read a database file with version number 69, but we can only "
            "read versions between 64 and 68."
        )

    monkeypatch.setattr(database, "_connect", refused)
    with pytest.raises(NewerStore, match=r"newer DuckDB.*upgrade the duckdb package"):
        StoreWriter(root, minimum_free=0)
    assert (root / "store.duckdb").read_bytes() == before
    assert not (root / "quarantine").exists()


def test_an_older_store_is_brought_up_to_date_step_by_step(tmp_path: Path) -> None:
    connection = duckdb.connect()
    (tmp_path / "schema.sql").write_text(
        "CREATE TABLE schema_version (version INTEGER, written TIMESTAMP); CREATE TABLE a (x INT);"
    )
    assert migrate(connection, tmp_path) is True
    assert migrate(connection, tmp_path) is False
    (tmp_path / "migrate_0002.sql").write_text("ALTER TABLE a ADD COLUMN y INT;")
    (tmp_path / "migrate_0003.sql").write_text("ALTER TABLE a ADD COLUMN z INT;")
    assert migrate(connection, tmp_path) is True
    assert connection.execute("SELECT version FROM schema_version").fetchall() == [(1,), (2,), (3,)]
    assert [row[0] for row in connection.execute("DESCRIBE a").fetchall()] == ["x", "y", "z"]
    connection.close()


def test_a_store_without_measurements_is_read_and_brought_up_to_date(root: Path) -> None:
    """Schema 1 had no table of them: a reader finds none, the next writer adds it."""
    with StoreWriter(root, minimum_free=0) as writer:
        writer._connection.execute("DROP TABLE probes")
        writer._connection.execute("DELETE FROM schema_version WHERE version >= 2")
        writer.publish()
    with Store(root) as store:
        assert store.probes() == [] and store.planned("s") == {}
    record = ProbeRecord("arm", '{"numpy":"2"}', 16, 1e-6, 0.5, 10, "a", "numpy")
    with StoreWriter(root, minimum_free=0) as writer:
        writer.put_probes([record, record._replace(width=64)])
        writer.put_probes([record._replace(seconds=2e-6)])
    with Store(root) as store:
        assert store.probes() == [record._replace(seconds=2e-6), record._replace(width=64)]
        assert store.sql("SELECT max(version) AS v FROM schema_version")["v"].to_list() == [3]


def test_a_store_whose_failures_know_no_block_is_read_and_brought_up_to_date(root: Path) -> None:
    older = (
        "CREATE OR REPLACE VIEW progress AS "
        "SELECT cell, -1 AS done, NULL::VARCHAR AS block, reason FROM failures",
        "ALTER TABLE failures DROP COLUMN block",
        "DELETE FROM schema_version WHERE version = 3",
    )
    cells = [fake.cell(block, 0) for block in fake.BLOCKS]
    fragments = [
        replace(fake.fragment("r", block, 0, fake.start(block)), failures={cell: "not finite"})
        for block, cell in zip(fake.BLOCKS, cells, strict=True)
    ]
    with StoreWriter(root, minimum_free=0) as writer:
        write_fragment(writer.stage, fragments[0])
        writer.ingest()
        for query in older:
            writer._connection.execute(query)
        writer.publish()
    with Store(root) as store:
        assert store.history()[cells[0]].block == ""
    with StoreWriter(root, minimum_free=0) as writer:
        write_fragment(writer.stage, fragments[1])
        writer.ingest()
        history = writer.history()
    assert [(history[c].block, history[c].failure) for c in cells] == [
        ("", "not finite"), ("b1", "not finite")
    ]  # fmt: skip
    assert history[fake.cell("b0", 1)].block == "b0"


def test_a_cell_that_fails_at_once_is_remembered_with_its_block(root: Path) -> None:
    cells = [fake.cell("b0", seed) for seed in range(fake.SEEDS)]
    with StoreWriter(root, minimum_free=0) as writer:
        made = fake.fragment("r", "b0", 0, fake.start("b0"))
        write_fragment(writer.stage, replace(made, failures={cells[1]: "not finite"}))
        writer.ingest()
        history = writer.history(cells[:1])
        assert set(history) == set(cells) and history[cells[1]].block == "b0"


def test_json_is_stored_as_what_it_is(root: Path) -> None:
    with StoreWriter(root, minimum_free=0) as writer:
        run = writer.begin_run(fake.SCENARIO, fake.members(1), {"a": [1]})
        write_fragment(writer.stage, fake.fragment(run, "b0", 0, fake.start("b0")))
        writer.ingest()
    with Store(root) as store:
        for query, expected in {
            "SELECT axes->>'arm' FROM members WHERE cell = (SELECT min(cell) FROM cells)": "arm",
            "SELECT DISTINCT detail->>'backend' FROM numerics": "numpy",
            "SELECT DISTINCT identity->>'seed' FROM cells ORDER BY 1 LIMIT 1": "0",
            "SELECT plan->>'$.a[0]' FROM runs": "1",
        }.items():
            found = store.sql(query).item()
            assert found in (("b0", "b1") if expected == "arm" else (expected,))


def test_the_files_can_be_read_by_duckdb_1_5(root: Path) -> None:
    with StoreWriter(root, minimum_free=0) as writer:
        tags = (
            "SELECT tags['storage_version'] FROM duckdb_databases() WHERE database_name = 'store'"
        )
        assert writer._connection.execute(tags).fetchall()[0][0].startswith("v1.5")
    # Storage version 68 is the last that DuckDB 1.5 reads.
    for path in (root / "store.duckdb", *(root / "snapshots").iterdir()):
        assert int.from_bytes(path.read_bytes()[12:20], "little") <= 68


def test_an_error_in_the_run_is_not_hidden_by_one_at_closing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing.snapshot, "publish", no_space)
    with pytest.raises(KeyError, match="first"):
        with StoreWriter(root, minimum_free=0) as writer:
            writer.put_notes("s", [])
            raise KeyError("first")
    assert "is full" in writer.messages[-1]
