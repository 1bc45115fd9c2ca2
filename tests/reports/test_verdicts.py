"""The table of verdicts: what it says of each arm, at which level, from which metric."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from recurse_reports.blocks import Prose, Section, Table
from recurse_reports.sections import verdicts
from recurse_reports.subject import Subject

from recurse.store import Store, StoreWriter
from tests.reports.fixture import put_doses, put_few

TOLD = (
    "By catastrophic rise of risk (1), y a and y b do (undecided for the rest); "
    "any rise of risk (2), y a and y b do and y c does not."
)


@pytest.fixture(scope="module")
def found(store: Store) -> Section:
    section = verdicts.section(Subject(store, "gerstgrasser-linear"))
    assert section is not None
    return section


def test_the_sentence_says_by_what_the_arms_differ_and_by_what_not(
    found: Section, tmp_path: Path
) -> None:
    assert _prose(found)[0] == "All arms collapse by any rise of risk (2)."
    with StoreWriter(tmp_path) as writer:
        put_doses(writer, {"a": 30.0, "b": 20.0, "c": 1.0})
    with Store(tmp_path) as store:
        section = verdicts.section(Subject(store, "doses"))
    assert section is not None
    sentence = _prose(section)[0]
    assert sentence == TOLD


def test_an_arm_that_ran_on_another_backend_counts(tmp_path: Path) -> None:
    with StoreWriter(tmp_path) as writer:
        put_doses(writer, {"a": 30.0, "b": 20.0, "c": 1.0}, elsewhere="c")
    with Store(tmp_path) as store:
        section = verdicts.section(Subject(store, "doses"))
    assert section is not None
    assert _prose(section)[0] == TOLD


def test_the_level_and_the_definitions_without_a_metric_are_stated(found: Section) -> None:
    text = _prose(found)[1]
    assert "5% for all 16 answers together (Bonferroni)" in text
    assert "No metric that was stored speaks to definitions 5, 6, 7 and 8." in text
    why = "takes arms that differ in the number of samples alone"
    assert text.endswith(f"Definition 4 is not judged: {why}.")


def test_arms_by_definitions_and_what_they_rest_on(found: Section) -> None:
    table, rules, evidence = (block for block in found.blocks if isinstance(block, Table))
    # Definitions that no metric speaks to, or that these arms cannot answer, have no column.
    assert [name[0] for name in table.head[1:]] == ["1", "2", "3"]
    # Backends that give the same answers share a row.
    rows = {row[0]: row[1:] for row in table.rows}
    assert list(rows) == ["replace", "accumulate"]
    assert rows["accumulate"] == ["no", "yes", "no"]
    assert len(evidence.rows) == 16 and evidence.folded
    second = next(row for row in evidence.rows if row[:4] == ["replace", "torch", "2", "yes"])
    assert second[4] == "excess risk"
    assert re.fullmatch(
        r"[\d.]+ times at generation 100, interval [\d.]+ to [\d.]+ at level [\d.]+", second[5]
    )
    assert len(rules.rows) == 3 and not rules.folded
    assert rules.rows[0][1] == "risk reaches 10 times that of generation 0 within 5 generations"
    assert [row[2] for row in rules.rows] == ["excess risk"] * 3


def test_a_backend_that_answers_differently_has_a_row_of_its_own(store: Store) -> None:
    found = verdicts.section(Subject(store, "digits-vae"))
    assert found is not None
    table = next(block for block in found.blocks if isinstance(block, Table))
    arms = [row[0] for row in table.rows]
    plain = [arm for arm in arms if not arm.endswith("(jax)")]
    assert plain == ["replace", "accumulate", "accumulate_subsample"]
    for row in table.rows:
        if row[0].endswith(" (jax)"):
            other = next(r for r in table.rows if r[0] == row[0].removesuffix(" (jax)"))
            assert row[1:] != other[1:]


def test_no_arm_that_fails_one_and_passes_another_is_said(tmp_path: Path) -> None:
    with StoreWriter(tmp_path) as writer:
        put_few(writer, np.ones((4, 5)) + 9 * np.random.default_rng(1).uniform(size=(4, 5)))
        put_few(writer, np.ones((4, 2)), "two")
    with Store(tmp_path) as store:
        found = verdicts.section(Subject(store, "few"))
        assert found is not None
        assert (
            _prose(found)[0] == "No definition tells the arms apart beyond the noise of the seeds."
        )
        assert verdicts.section(Subject(store, "two")) is None


def _prose(section: Section) -> list[str]:
    return [block.text for block in section.blocks if isinstance(block, Prose)]
