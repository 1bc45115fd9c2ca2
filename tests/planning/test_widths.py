"""Measured widths: the choice among them, what a measurement holds for, what keeps its width."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from recurse.engines.local import LocalEngine
from recurse.planning.blocks import History
from recurse.planning.estimate import Estimate
from recurse.planning.planner import plan
from recurse.planning.widths import BLOCK_BYTES, Measured, Probes, choose, key, ladder
from recurse.planning.words import in_words
from recurse.running.probe import probe
from recurse.running.run import history, run
from recurse.scenario.scenario import Arm, load
from recurse.store.reader import Store
from recurse.store.records import ProbeRecord
from recurse.store.writer import StoreWriter
from tests.closed_arms import ARMS

SPEC: dict[str, Any] = {
    "version": 1,
    "name": "wide",
    "source": {"kind": "gaussian", "dim": 2},
    "model": "gaussian",
    "policy": "accumulate",
    "samples": {"real": 20, "synthetic": 20},
    "generations": 4,
    "seeds": 40,
    "backend": "numpy",
    "metrics": ["mean_error"],
}
ARM = load(SPEC).arms[0].arm
CHEAP = Estimate(1000, 1e-3)


def measured(*entries: tuple[int, float, float]) -> Probes:
    """Of the arm: (width, microseconds per replicate and generation, seconds of compiling)."""
    return {key(ARM): [Measured(w, each * 1e-6, once, 1 << 20) for w, each, once in entries]}


def pick(probes: Probes, seeds: int, jobs: int = 1, generations: int = 99, **cost: int) -> int:
    arm = ARM.model_copy(update={"generations": generations})
    return choose(arm, replace(CHEAP, **cost), seeds, jobs, probes).replicates


def test_without_a_measurement_memory_decides() -> None:
    assert pick({}, 10_000) == 4096
    assert pick({}, 10_000, bytes=BLOCK_BYTES // 100) == 100
    other = ARMS["linear ridge"]
    assert choose(other, CHEAP, 10_000, 1, measured((16, 1.0, 0.0))).replicates == 4096
    assert not choose(ARM, CHEAP, 100, 1, {}).because
    assert "recurse probe" in choose(ARM, CHEAP, 100_000, 1, {}).because


def test_the_least_predicted_time_wins() -> None:
    probes = measured((64, 4.0, 0.0), (256, 1.0, 0.0), (1024, 2.0, 0.0))
    assert pick(probes, 1024) == 256
    found = choose(ARM, CHEAP, 1024, 1, probes)
    assert found.because == "measured 2x faster than 1024 on 1 worker"
    assert found.measured == Measured(256, 1e-6, 0.0, 1 << 20)


def test_compiling_counts_once_per_program() -> None:
    """Few generations are not worth a slow compilation, many are; a rest is one more program."""
    probes = measured((64, 10.0, 0.0), (1024, 1.0, 2.0))
    assert pick(probes, 1024, generations=99) == 64
    assert pick(probes, 1024, generations=999) == 1024
    narrow = (100, 1.0, 1.0)  # fits twice into 200 seeds, and 110 does not
    wider = ((110, 0.8, 1.0), (200, 1.0, 5.0))
    assert pick(measured(narrow, *wider), 200, generations=9) == 100


def test_workers_share_the_blocks() -> None:
    """One block of all seeds leaves the second worker idle."""
    probes = measured((512, 1.2, 0.0), (1024, 1.0, 0.0))
    assert pick(probes, 1024, jobs=1) == 1024
    assert pick(probes, 1024, jobs=2) == 512


def test_widths_that_were_not_reached_are_not_given_up() -> None:
    """A probe for few seeds, or one that got too long, says nothing of wider blocks."""
    probes = measured((16, 9.0, 0.0), (40, 1.0, 0.0))
    assert pick(probes, 40) == 40
    found = choose(ARM, CHEAP, 500, 1, probes)
    assert found.replicates == 4096 and found.measured is None
    assert found.because == "measured up to 40 alone, 'recurse probe' goes on"


def test_memory_bounds_what_was_measured() -> None:
    wide = Measured(1024, 1e-6, 0.0, BLOCK_BYTES + 1)
    probes = {key(ARM): [Measured(64, 9e-6, 0.0, 1), wide]}
    assert pick(probes, 1024) == 64
    assert pick(measured((64, 9.0, 0.0), (1024, 1.0, 0.0)), 4096, bytes=BLOCK_BYTES // 500) == 64


def test_the_choice_follows_from_the_data_alone() -> None:
    """Not from their order; and what is as good as the usual width does not take its place."""
    entries = [(64, 1.9, 0.0), (256, 2.0, 0.0), (1024, 2.0, 0.0)]
    for order in (entries, entries[::-1]):
        found = choose(ARM, CHEAP, 1024, 1, measured(*order))
        assert found[:2] == (1024, "measured, and no other is clearly faster")
    entries[0] = (64, 1.7, 0.0)
    assert {pick(measured(*order), 1024) for order in (entries, entries[::-1])} == {64}


def test_what_a_measurement_holds_for() -> None:
    """Any number of generations, nothing else of the arm, no other backend or version."""
    assert key(ARM) == key(ARM.model_copy(update={"generations": 7}))
    for change in ({"policy": "replace"}, {"backend": "torch"}, {"metrics": ["variance_ratio"]}):
        assert key(load({**SPEC, **change}).arms[0].arm) != key(ARM)
    assert "numpy" in json.loads(key(ARM).setting)["versions"]


def test_widths_that_are_tried() -> None:
    assert ladder(ARM, CHEAP, 100) == [16, 64, 100]
    assert ladder(ARM, CHEAP, 10**6) == [16, 64, 256, 1024, 4096]
    assert ladder(ARM, replace(CHEAP, bytes=BLOCK_BYTES // 30), 10**6) == [16, 30]
    assert ladder(ARM, CHEAP, 1) == [1]


def test_the_plan_says_its_width_and_why() -> None:
    probes = measured((16, 2.0, 0.0), (40, 8.0, 0.0))
    made = plan(SPEC, History(probes=probes))
    assert [len(block.seeds) for block in made.blocks] == [16, 16, 8]
    text = in_words(made)
    assert "width       16: measured 3.3x faster than 40 on 1 worker" in text
    frozen = made.data()["arms"][0]["width"]
    assert frozen == {"replicates": 16, "because": "measured 3.3x faster than 40 on 1 worker"}
    assert "width  " not in in_words(plan(SPEC))


def test_measured_seconds_replace_the_estimate() -> None:
    slow = measured((40, 1e5, 8.0))
    (arm,) = plan(SPEC, History(probes=slow)).arms
    assert arm.cost.seconds == pytest.approx(5 * 0.1 + 8.0 / 40)


def test_later_generations_of_growing_data_cost_more_than_those_measured() -> None:
    """In the proportion of the estimates: a mixture is fitted to all samples so far, and these are
    so many that nothing else counts."""
    spec = {**SPEC, "source": {"kind": "mixture", "form": "grid"}, "model": "gmm"}
    spec |= {"metrics": ["second_moment"], "generations": 60}
    spec |= {"samples": {"real": 2000, "synthetic": 2000}}
    arm: Arm = load(spec).arms[0].arm
    probes = {key(arm): [Measured(40, 1e-3, 0.0, 1)]}
    (grown,) = plan(spec, History(probes=probes)).arms
    (still,) = plan({**spec, "generations": 6}, History(probes=probes)).arms
    assert still.cost.seconds == pytest.approx(7e-3)
    mean = sum(range(1, 62)) / 61 / (sum(range(1, 8)) / 7)
    assert grown.cost.seconds == pytest.approx(61e-3 * mean, rel=0.05)


def test_a_probe_is_stored_and_used(tmp_path: Path) -> None:
    """By a worker process, in a store that a plan then reads; measured again, it is replaced."""
    for _ in range(2):
        found = list(probe(SPEC, tmp_path))
        assert [record.width for record in found] == [16, 40]
        assert all(record.seconds > 0 and record.backend == "numpy" for record in found)
    with Store(tmp_path) as store:
        assert sorted(store.probes()) == sorted(found)
        made = plan(SPEC, partial(history, store, "wide"))
    times = {record.width: record.seconds for record in found}
    narrow = 1.1 * 3 * 16 * times[16] <= 40 * times[40]
    assert made.arms[0].width.replicates == (16 if narrow else 40)


def slow_then_fast(root: Path) -> None:
    """Store measurements by which another width than the usual one is best."""
    here = key(ARM)
    rows = [(16, 1e-6), (40, 1e-3), (80, 1e-3)]
    with StoreWriter(root, minimum_free=0) as writer:
        writer.put_probes([ProbeRecord(*here, w, s, 0.0, 1, "a", "numpy") for w, s in rows])


def test_what_was_planned_before_a_measurement_keeps_its_width(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is stopped before its first block ends with the bits of one that was not."""

    def stop(engine: LocalEngine) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(LocalEngine, "execute", stop)
        with pytest.raises(KeyboardInterrupt):
            run(SPEC, tmp_path / "a")
    slow_then_fast(tmp_path / "a")
    run(SPEC, tmp_path / "a")
    run(SPEC, tmp_path / "b")
    slow_then_fast(tmp_path / "c")
    run(SPEC, tmp_path / "c")
    values, widths = {}, {}
    for name in "abc":
        with Store(tmp_path / name) as store:
            values[name] = store.metrics("wide")["value"].to_list()
            counts = "SELECT block, count(DISTINCT cell) AS n FROM generations GROUP BY 1"
            widths[name] = sorted(store.sql(counts)["n"].to_list())
    assert widths == {"a": [40], "b": [40], "c": [8, 16, 16]}
    assert values["a"] == values["b"]
    assert values["c"] == pytest.approx(values["b"], rel=1e-12)


def test_cells_that_were_begun_keep_their_width(tmp_path: Path) -> None:
    run({**SPEC, "generations": 2}, tmp_path)
    slow_then_fast(tmp_path)
    made = run(SPEC, tmp_path).plan
    assert [len(block.seeds) for block in made.blocks] == [40]
    wider = run({**SPEC, "seeds": 80}, tmp_path).plan
    assert [len(block.seeds) for block in wider.blocks] == [16, 16, 8]
