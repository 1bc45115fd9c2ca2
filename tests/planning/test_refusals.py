"""Refusals before the first step, because a run would give wrong numbers or break."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recurse.planning.planner import plan
from recurse.reading.problems import Problems
from recurse.scenario.scenario import load
from tests.planning.test_planner import spec

SPEC = spec(source={"kind": "linear_regression", "dim": 2}, model="linear", metrics=["excess_risk"])
CLASSES: dict[str, Any] = {
    "source": {"kind": "logistic_regression", "dim": 2},
    "model": "logistic",
    "metrics": ["coefficient_error"],
}
SINE: dict[str, Any] = {"source": "function", "model": {"kind": "kernel_ridge", "ridge": 0.1}}
EDITED: dict[str, Any] = {"corrector": {"kind": "edit_labels", "share": 0.5}}
ORACLE: dict[str, Any] = {"corrector": {"kind": "oracle", "gamma": 1}}


def refused(**fields: Any) -> tuple[str, str]:
    """Code and text of the only problem."""
    with pytest.raises(Problems) as raised:
        plan(load({**SPEC, **fields}))
    (problem,) = raised.value.problems
    return problem.code, problem.message


@pytest.mark.parametrize("labelled", [CLASSES, SINE], ids=["logistic", "function"])
def test_new_inputs_cannot_take_labels_of_a_design_that_stays(labelled: dict[str, Any]) -> None:
    code, text = refused(**labelled, **ORACLE)
    assert code == "E203" and "hands on inputs of its own" in text
    if labelled is CLASSES:
        fresh = {**CLASSES["source"], "design": "fresh"}
        plan(load({**SPEC, **CLASSES, **ORACLE, "source": fresh}))


@pytest.mark.parametrize(
    "fields",
    [
        {"samples": {"real": 20, "synthetic": 40}},
        {"policy": {"kind": "mix", "lambda": 2}},
        {"policy": "halfway"},
    ],
    ids=["samples", "mix", "halfway"],
)
def test_edits_are_those_of_the_real_sample(fields: dict[str, Any]) -> None:
    assert plan(load({**SPEC, **EDITED})).blocks
    code, text = refused(**EDITED, **fields)
    assert code == "E204" and "edited; generation" in text


def test_an_oracle_cannot_draw_more_than_there_is(tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("a,b\n" + "".join(f"{i},{i % 7}\n" for i in range(30)), encoding="utf-8")
    table = {"source": {"kind": "table", "path": str(rows)}, "model": "gmm", **ORACLE}
    fields = {**table, "metrics": ["second_moment"]}
    assert plan(load({**SPEC, **fields})).blocks
    code, text = refused(**fields, samples={"real": 20, "synthetic": 100})
    assert code == "E205" and "draws 100 samples, and the source has 24" in text


def test_a_model_that_cannot_see_the_data_is_one_problem() -> None:
    model = {"kind": "vae", "latent": 2}
    fields = {"source": "moons", "model": model, "backend": "torch", "metrics": ["diversity"]}
    assert refused(**fields)[0] == "E211"


@pytest.mark.parametrize(
    "corrector",
    [
        {"kind": "verifier", "error": 0.1},
        {"kind": "verifier", "reference": {"tolerance": 1.0}},
        EDITED["corrector"],
    ],
    ids=["error", "reference", "edits"],
)
def test_a_model_of_the_inputs_has_no_labels_to_judge(corrector: dict[str, Any]) -> None:
    found = refused(model="gaussian", metrics=["diversity"], corrector=corrector)
    assert found == ("E203", "needs the labels of the regression, and its model keeps x alone")


def test_claims_that_cannot_be_judged_are_listed_beside_arms_that_cannot_run() -> None:
    claim = {"kind": "grows", "metric": "excess_risk"}
    claims = [
        {**claim, "where": {"start": "nowhere"}},
        {**claim, "metric": "w2"},
        {"kind": "matches_theory", "metric": "excess_risk", "where": {"start": "warm"}},
        {"kind": "matches_theory", "metric": "excess_risk", "generations": [99]},
    ]
    claims.append({**claims[3], "where": {"start": "scratch"}})
    fields = {"matrix": {"start": ["scratch", "warm"]}, "claims": claims, "seeds": 20}
    with pytest.raises(Problems) as raised:
        plan(load({**SPEC, **fields}))
    found = {(problem.code, problem.path) for problem in raised.value.problems}
    assert found == {
        ("E211", "matrix.start.1"),
        ("E209", "claims.0.where"),
        ("E209", "claims.1.metric"),
        ("E209", "claims.4.generations"),
    }
