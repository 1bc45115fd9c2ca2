"""The store as a reader sees it: whole, steady, read-only, and never the live database."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from recurse.store import Store, StoreWriter
from recurse.store import lock as locking
from recurse.store.reader import BadQuery, StoreMissing
from recurse.store.staging import write_fragment
from tests.store import fake

WRITE = """
import sys, time
from pathlib import Path
from tests.store import fake
from recurse.store import StoreWriter
from recurse.store.staging import write_fragment
with StoreWriter(sys.argv[1], "recurse run", minimum_free=0) as writer:
    run = writer.begin_run(fake.SCENARIO, fake.members(100), {})
    for generation in range(30):
        state = fake.start("b0")
        write_fragment(writer.stage, fake.fragment(run, "b0", generation, state))
        writer.ingest()
        writer.publish_due(0.02)
        if generation == 0:
            writer.publish()
            print("going", flush=True)
"""


def test_there_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match=r"no store at .*nowhere; 'recurse run SPEC' makes one"):
        Store(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_reading_while_a_run_is_writing(root: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", WRITE, str(root)], stdout=subprocess.PIPE)
    assert child.stdout is not None and child.stdout.readline() == b"going\n"
    seen = [0]
    writers = set()
    while child.poll() is None:
        with Store(root) as store:
            done = store.sql("SELECT max(generation) + 1 FROM generations").item()
            assert store.metrics(metric="loss").height == done * fake.SEEDS
            writer = store.freshness.writer
            if writer is not None:
                writers.add(writer["pid"])
            assert store.messages == []
        assert done >= seen[-1]
        time.sleep(0.01)
        seen.append(done)
    child.stdout.close()
    assert child.returncode == 0
    assert writers == {child.pid} and len(set(seen)) > 3
    with Store(root) as store:
        assert store.freshness.writer is None
        assert store.cells()["done"].to_list() == [29] * 3 + [-1] * 3


def test_a_reader_stays_on_its_snapshot_until_it_refreshes(root: Path) -> None:
    with StoreWriter(root, minimum_free=0) as writer:
        writer.publish()
        store = Store(root)
        for generation in range(4):
            fragment = fake.fragment("r", "b0", generation, fake.start("b0"))
            write_fragment(writer.stage, fragment)
            writer.ingest()
            writer.publish()
        rows = "SELECT count(*) FROM generations"
        assert store.sql(rows).item() == 0
        store.refresh()
        assert store.sql(rows).item() == 12
        assert store.freshness.snapshot == "snap-000005.duckdb"
        assert 0 <= store.freshness.seconds < 60
        store.close()
        store.close()


def test_a_damaged_snapshot_gives_way_to_the_one_before(root: Path) -> None:
    with StoreWriter(root, minimum_free=0) as writer:
        writer.put_notes("s", [])
        writer.publish()
        writer.publish().write_bytes(b"rubbish" * 3000)
    with StoreWriter(root, minimum_free=0), Store(root) as store:
        assert store.freshness.snapshot == "snap-000001.duckdb"
        assert store.messages[0].startswith("snap-000002.duckdb: ")


def test_a_damaged_snapshot_is_replaced_from_the_database_that_is_whole(root: Path) -> None:
    with StoreWriter(root, minimum_free=0) as writer:
        writer.put_notes("s", [])
        writer.publish().write_bytes(b"rubbish" * 3000)
    with Store(root) as store:
        assert store.freshness.snapshot == "snap-000002.duckdb"
        assert store.messages[0].startswith("snap-000001.duckdb: ")


def test_a_folder_that_cannot_be_written_is_still_read(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with StoreWriter(root, minimum_free=0) as writer:
        writer.publish()
    write_fragment(root / "stage", fake.fragment("r", "b0", 0, fake.start("b0")))

    def read_only(*arguments: object) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patched:
        patched.setattr(locking.StoreLock, "__init__", read_only)
        with Store(root) as store:
            assert store.sql("SELECT count(*) FROM generations").item() == 0
            expected = "reading snap-000001.duckdb: [Errno 30] Read-only file system"
            assert store.messages == [expected]
    with Store(root) as store:
        assert store.sql("SELECT count(*) FROM generations").item() == 3


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd.csv'",
        "SELECT * FROM glob('/*')",
        "COPY metrics TO '{root}/out.csv'",
        "COPY (SELECT 1) TO '{root}/out.parquet'",
        "EXPORT DATABASE '{root}/out'",
        "ATTACH '{root}/store.duckdb' AS live",
        "ATTACH '{root}/new.duckdb' AS new",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET threads = 8",
        "RESET lock_configuration",
        "CREATE TABLE main.mine (x INTEGER)",
        "DELETE FROM metrics",
        "UPDATE claims SET holds = true",
        "DROP VIEW v_metrics",
        "SELECT nonsense",
    ],
)
def test_a_users_query_can_only_read_the_store(root: Path, query: str) -> None:
    StoreWriter(root, minimum_free=0).close()
    before = sorted(root.rglob("*"))
    with Store(root) as store, pytest.raises(BadQuery, match="Error"):
        store.sql(query.format(root=root))
    assert sorted(root.rglob("*")) == before


def test_durations_and_names_that_come_twice_are_answered(root: Path) -> None:
    fake.life(root, 1)
    with Store(root) as store:
        spent = store.sql("SELECT finished - started AS spent, status FROM runs")
        assert spent["status"].to_list() == ["complete"]
        assert spent["spent"][0].startswith("00:00:")
        both = store.sql(
            'SELECT a.mean, b.mean, 1 AS mean_1, a.n AS "n ""x""" FROM v_summary AS a '
            "JOIN v_summary AS b USING (arm, metric, generation) ORDER BY a.mean DESC"
        )
        assert both.columns == ["mean", "mean_2", "mean_1", 'n "x"']
        means = both["mean"].to_list()
        assert means == both["mean_2"].to_list() == sorted(means, reverse=True)
        once = store.sql(
            "SELECT a.mean, b.mean FROM v_summary AS a JOIN v_summary AS b USING (arm)"
        )
        assert once.columns == ["mean", "mean_1"]
        nested = store.sql("SELECT [INTERVAL 1 DAY] AS a, {'b': INTERVAL 1 DAY} AS b, 2 AS c")
        assert nested.rows() == [("[1 day]", "{'b': 1 day}", 2)]


def test_every_type_of_duckdb_is_answered(root: Path) -> None:
    StoreWriter(root, minimum_free=0).close()
    with Store(root) as store:
        assert store.sql("SELECT * FROM test_all_types()").height == 3


def test_failed_and_partial_and_complete_cells(root: Path) -> None:
    cells = [fake.cell("b0", seed) for seed in range(3)]
    with StoreWriter(root, minimum_free=0) as writer:
        run = writer.begin_run(fake.SCENARIO, fake.members(2), {})
        for generation in (0, 1, 2, 3):
            failures = {cells[1]: "loss is nan"} if generation == 2 else {}
            fragment = fake.fragment(run, "b0", generation, fake.start("b0"))
            if generation > 2:
                fragment = fake.fragment(run, "b1", generation, fake.start("b1"))
            write_fragment(
                writer.stage, fragment.__class__(**vars(fragment) | {"failures": failures})
            )
        writer.ingest()
        history = writer.history()
    with Store(root) as store:
        found = store.cells()["seed", "status", "done", "reason"].rows()
        assert found[:3] == [
            (0, "complete", 2, None),
            (1, "failed", 1, "loss is nan"),
            (2, "complete", 2, None),
        ]
        # Generation 3 without those before it is not progress.
        assert found[3:] == [(seed, "partial", -1, None) for seed in range(3)]
        assert store.history() == history
    assert (history[cells[1]].generations_done, history[cells[1]].failure) == (1, "loss is nan")
    assert history[cells[0]].failure is None and history[cells[0]].block == "b0"
    assert history[cells[0]].identity == '{"block":"b0","seed":0}'


def test_history_of_some_cells_comes_with_the_rest_of_their_blocks(root: Path) -> None:
    fake.life(root, 2)
    one = [fake.cell("b0", seed) for seed in range(fake.SEEDS)]
    with Store(root) as store:
        every = store.history()
        assert len(every) == 2 * fake.SEEDS
        assert store.history(one[:1]) == {cell: every[cell] for cell in sorted(one)}
        assert store.history([]) == store.history(["nobody"]) == {}


def test_arrays_for_claims_in_the_order_of_the_plan(root: Path) -> None:
    fake.life(root, 4)
    with StoreWriter(root, minimum_free=0) as writer:
        members = list(reversed(fake.members(6)))[:-1]
        writer.begin_run(fake.SCENARIO, members, {})
        live = writer.arrays(fake.NAME, "spread")
    with Store(root) as store:
        found = store.arrays(fake.NAME, "spread")
        missing = store.arrays(fake.NAME, "no such metric")
    assert list(found) == list(live) == [("arm=b1", "numpy"), ("arm=b0", "numpy")]
    for key, curves in found.items():
        assert all(
            np.array_equal(a, b, equal_nan=True) for a, b in zip(curves, live[key], strict=True)
        )
        assert np.isnan(missing[key].values).all()
        assert list(curves.generations) == list(range(7))
    assert list(found["arm=b0", "numpy"].seeds) == [1, 2]
    state = fake.start("b0")
    expected = np.full((7, 2), np.nan)
    for generation in range(5):
        state = fake.step(state, generation) if generation else state
        if generation % 2 == 0:
            expected[generation] = state[1:] ** 2
    assert np.array_equal(found["arm=b0", "numpy"].values, expected, equal_nan=True)


def test_a_shorter_scenario_does_not_show_the_longer_run(root: Path) -> None:
    fake.life(root, 5)
    with StoreWriter(root, minimum_free=0) as writer:
        writer.begin_run(fake.SCENARIO, fake.members(2), {})
    with Store(root) as store:
        assert store.metrics()["generation"].max() == 2
        assert store.artifacts(fake.NAME).height == 0
        assert set(store.cells()["status"]) == {"complete"}


def test_frames(root: Path) -> None:
    fake.life(root, 4)
    with Store(root) as store:
        metrics = store.metrics(fake.NAME, metric="loss", arm="arm=b1", backend="numpy")
        values = metrics.filter(generation=4)["value"].to_numpy()
        row = store.summary(fake.NAME, "loss", "arm=b1").row(-1, named=True)
        assert (row["generation"], row["n"]) == (4, 3)
        assert row["mean"] == pytest.approx(values.mean(), rel=1e-15)
        assert row["se"] == pytest.approx(values.std(ddof=1) / np.sqrt(3), rel=1e-14)
        quantiles = [row["q05"], row["median"], row["q95"]]
        assert quantiles == pytest.approx(np.quantile(values, [0.05, 0.5, 0.95]), rel=1e-14)
        pictures = store.artifacts(fake.NAME, "picture")
        assert pictures["arm", "seed", "generation"].rows() == [("arm=b0", 0, 3), ("arm=b1", 0, 3)]
        assert (
            np.frombuffer(pictures["bytes"][0])[0]
            == store.metrics(arm="arm=b0")
            .filter(generation=3, seed=0, metric="loss")["value"]
            .item()
        )
        costs = store.costs(fake.NAME)
        assert costs["seconds"].to_list() == [0.5] * 10 and set(costs["cells"]) == {3}
        with pytest.raises(StoreMissing, match=r"no scenario 'x' in .*; it has: chaos"):
            store.scenario("x")


@pytest.mark.parametrize("value", [np.inf, 1e308, -np.inf])
def test_a_diverging_metric_has_a_summary(root: Path, value: float) -> None:
    with StoreWriter(root, minimum_free=0) as writer:
        run = writer.begin_run(fake.SCENARIO, fake.members(1), {})
        write_fragment(writer.stage, fake.fragment(run, "b0", 1, np.array([1.0, value, 2.0])))
        writer.ingest()
    with Store(root) as store:
        row = store.summary(metric="loss").row(0, named=True)
    assert (row["n"], row["se"], row["median"]) == (3, None, np.median([1.0, value, 2.0]))


def test_ten_thousand_cells_are_looked_up(root: Path) -> None:
    with StoreWriter(root, minimum_free=0) as writer:
        writer._connection.execute(
            "INSERT INTO cells SELECT printf('%032d', i), '{}', 'r' FROM range(10000) AS t(i)"
        )
        writer._connection.execute(
            "INSERT INTO generations SELECT printf('%032d', i), g, 'r', 'b', 0, 'n', 0, 0 "
            "FROM range(10000) AS t(i), range(20) AS u(g)"
        )
        history = writer.history()
    assert len(history) == 10_000 and {cell.generations_done for cell in history.values()} == {19}
