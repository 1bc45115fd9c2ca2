"""From traces to a table: shared levels, several metrics, sample sizes; and from a store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pytest

from recurse.cli.exporting import export
from recurse.metrics import Metric
from recurse.spec import kinds
from recurse.store import Store, StoreWriter
from recurse.verdicts import LEVEL, NUMBERS, definitions, judge, stored
from recurse.verdicts.trace import Trace
from tests.reports.fixture import Values, put_few, put_regression
from tests.verdicts.simulated import noisy, trace

G = np.arange(41.0)
RISK = frozenset({1, 2, 3})


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    root = tmp_path_factory.mktemp("verdicts") / "store"
    with StoreWriter(root) as writer:
        put_regression(writer)
        put_few(writer, np.ones((1, 5)))
    with Store(root) as opened:
        yield opened


def test_there_are_eight_definitions_each_with_a_name_and_a_rule() -> None:
    assert tuple(definitions()) == NUMBERS
    names = [(one.NAME, one.RULE) for one in definitions().values()]
    assert len(set(names)) == 8 and all(name and rule for name, rule in names)


def test_metrics_speak_to_definitions_that_exist() -> None:
    metrics = {name: kind for name, kind in kinds("metric").items() if issubclass(kind, Metric)}
    spoken = [kind.speaks for kind in metrics.values()]
    assert all(speaks <= set(NUMBERS) for speaks in spoken)
    assert {1, 2, 3, 4, 5, 7} <= frozenset().union(*spoken)
    assert {name for name, kind in metrics.items() if kind.logarithmic} >= {"elbo", "test_nll"}


def test_the_level_is_shared_by_all_answers() -> None:
    values: Values = noisy(1 + G, 50, np.random.default_rng(5))
    traces = [trace(values, arm=arm, speaks=RISK) for arm in "abc"]
    found = judge(traces, 0.09)
    assert len(found) == 24
    assert [one.level for one in found] == pytest.approx([0.01] * 24)
    assert "level 0.002" in next(one for one in found if one.definition == 1).finding.evidence


def test_one_yes_is_enough_and_no_takes_all() -> None:
    up, flat = noisy(1 + G, 400, np.random.default_rng(1)), np.ones((41, 400))
    both = [_named("first", flat), _named("second", up)]
    answers = {one.definition: one for one in judge(both)}
    assert (answers[2].answer, answers[2].metric, answers[2].asked) == ("yes", "second", 2)
    assert answers[1].answer == "no"
    unsure = [_named("first", flat), _named("second", up[:, :4])]
    assert {one.definition: one.answer for one in judge(unsure)}[1] == "cannot tell"
    assert answers[6].answer == "cannot tell"
    assert (answers[6].asked, answers[6].metric) == (0, "")


def test_a_metric_without_numbers_is_not_asked() -> None:
    """Arms of several families in one scenario: each is judged on what is measured of it."""
    flat = np.ones((41, 400))
    alone = [_named("second", flat)]
    both = [_named("first", np.full_like(flat, np.nan)), *alone]
    assert judge(both) == judge(alone)
    assert judge(both)[0].answer == "no"
    nothing = judge(both[:1])
    assert len(nothing) == 8 and {(one.answer, one.asked) for one in nothing} == {
        ("cannot tell", 0)
    }


def test_sizes_are_compared_within_a_group_a_backend_and_a_metric() -> None:
    rng = np.random.default_rng(6)
    traces = [
        trace(
            noisy(np.linspace(1, after, 11) / n, 200, rng),
            arm=f"{group}{n}",
            group=group,
            size=float(n),
            speaks=frozenset({4}),
        )
        for group, afters in (("a", (1, 1, 1)), ("b", (1, 10, 100)))
        for n, after in zip((10, 100, 1000), afters, strict=True)
    ]
    answers = {one.arm: one.answer for one in judge(traces) if one.definition == 4}
    assert set(answers.values()) == {"yes", "no"}
    assert all(answer == ("no" if arm[0] == "a" else "yes") for arm, answer in answers.items())


def test_the_number_of_samples_is_that_of_the_real_ones() -> None:
    size, group = stored.sample_size({"policy": "replace", "samples": "(real=100,synthetic=9)"})
    assert (size, json.loads(group)) == (100.0, {"policy": "replace"})
    assert stored.sample_size({"samples.real": "50"}) == (50.0, "{}")
    assert stored.sample_size({"policy": "x"})[0] is None
    # Generation 0 sees no synthetic samples: their number says nothing of how its loss falls.
    assert stored.sample_size({"samples.synthetic": "2000", "model": "a"}) == (
        None,
        '{"model": "a"}',
    )


def test_replace_diverges_and_accumulate_does_not(store: Store) -> None:
    frame = stored.verdicts(store, "gerstgrasser-linear")
    rows = {(row["arm"], row["backend"], row["definition"]): row for row in frame.to_dicts()}
    assert len(rows) == len(frame) == 2 * 2 * 8
    for backend in ("torch", "jax"):
        replaced = rows["policy=replace", backend, 2]
        assert replaced["answer"] == "yes" and replaced["metric"] == "excess_risk"
        assert replaced["low"] < 101 < replaced["high"]
        assert rows["policy=accumulate", backend, 3]["answer"] == "no"
        assert rows["policy=replace", backend, 3]["answer"] != "no"
        assert rows["policy=replace", backend, 5]["metric"] == ""
    assert [row["level"] for row in rows.values()] == pytest.approx([LEVEL / 16] * 32)


def test_the_table_can_be_exported(store: Store) -> None:
    text = export(store, "gerstgrasser-linear", "verdicts", "json", None)
    rows = json.loads(text)
    assert len(rows) == 32
    assert rows[0]["name"] == "catastrophic rise of risk"


def test_a_new_metric_joins_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Modes(Metric):
        kind: Literal["excess_risk"] = "excess_risk"
        speaks: ClassVar[frozenset[int]] = frozenset({6})
        worse: ClassVar[Literal["up", "down"]] = "down"

    with StoreWriter(tmp_path) as writer:
        put_few(writer, np.linspace(25, 20, 11)[:, None] + np.linspace(-1, 1, 30))
    monkeypatch.setattr(stored, "kinds", lambda role: {"excess_risk": Modes})
    with Store(tmp_path) as opened:
        found = {one.definition: one for one in stored.found(opened, "few")}
    assert found[6].answer == "yes" and found[6].finding.figure == pytest.approx(0.2)
    assert found[2].asked == 0
    monkeypatch.setattr(stored, "kinds", lambda role: {})
    with Store(tmp_path) as opened:
        assert stored.found(opened, "few") == ()


def _named(name: str, values: Values) -> Trace:
    return replace(trace(values, speaks=RISK), metric=name)
