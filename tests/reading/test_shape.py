"""The published JSON Schema gives the same verdict as validation, and names the exact place."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from recurse.reading.document import Document
from recurse.reading.layers import validate
from recurse.reading.problems import Problems
from recurse.reading.shape import raw, schema
from recurse.scenario.scenario import Scenario
from tests.toy_models import Root

HERE = Path(__file__).parent
STRUCTURAL = ["misspelt-keys", "wrong-block", "missing-keys", "kinds", "types", "bounds"]


def findings(data: Any) -> list[tuple[str, str]]:
    validator = Draft202012Validator(schema(Root))
    return sorted((error.json_path, error.message) for error in validator.iter_errors(data))


@pytest.mark.parametrize(
    ("data", "path", "message"),
    [
        ({"model": {"kind": "vea"}}, "$.model.kind", "'vea' is not one of ['vae', 'linear']"),
        ({"model": {"latent_dim": 1}}, "$.model", "'kind' is a required property"),
        ({"model": "vae"}, "$.model", "'vae' is not one of ['linear']"),
        ({"model": {"kind": "vae"}}, "$.model", "'latent_dim' is a required property"),
        ({"model": 3}, "$.model", "3 is not of type 'object', 'string', 'null'"),
        ({"only": {"kind": "vae"}}, "$.only.kind", "'vae' is not one of ['linear']"),
        ({"only": {"lambda": "x"}}, "$.only.lambda", "'x' is not of type 'number'"),
        ({"many": ["linear", "q"]}, "$.many[1]", "'q' is not one of ['linear']"),
        ({"seeds": 0}, "$.seeds", "0 is less than the minimum of 1"),
        ({"seeds": [1, "x"]}, "$.seeds[1]", "'x' is not of type 'integer'"),
        ({"extends": 3}, "$.extends", "3 is not valid under any of the given schemas"),
    ],
)
def test_a_finding_is_about_the_branch_that_was_meant(data: Any, path: str, message: str) -> None:
    found = findings(data)
    assert (path, message) in found
    assert {place for place, _ in found} == {path}


def test_short_forms_and_the_keys_of_every_file_are_accepted() -> None:
    data = {"$schema": "x", "extends": ["a.yaml"], "model": "linear", "only": "linear"}
    assert findings({**data, "many": ["linear", {"kind": "vae", "latent_dim": 1}]}) == []
    assert findings({"model": None, "only": {}, "seeds": [1], "width": "auto"}) == []


WORDS = st.sampled_from(["vae", "linear", "vea", "auto", "full", "x"])
LEAVES = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.5, -1.5]) | WORDS
MODELS = LEAVES | st.fixed_dictionaries(
    {}, optional={"kind": WORDS, "latent_dim": LEAVES, "lambda": LEAVES, "vae": LEAVES, "q": LEAVES}
)
ROOTS = st.fixed_dictionaries(
    {},
    optional={
        "model": MODELS,
        "only": MODELS,
        "many": LEAVES | st.lists(MODELS, max_size=2),
        "seeds": LEAVES | st.lists(LEAVES, max_size=2),
        "width": LEAVES,
        "mixed": LEAVES,
        "flag": LEAVES,
        "title": LEAVES,
        "meta": LEAVES | st.dictionaries(WORDS, LEAVES, max_size=2),
        "extra": LEAVES,
    },
)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(ROOTS)
def test_the_schema_and_validation_agree(data: dict[str, Any]) -> None:
    try:
        validate(Root, Document(data))
        valid = True
    except Problems:
        valid = False
    assert (findings(data) == []) is valid


def test_no_tagged_union_is_left_as_one_of_and_descriptions_are_kept() -> None:
    text = json.dumps(schema(Scenario))
    assert '"oneOf"' not in text
    assert '"discriminator"' in json.dumps(raw(Root)) and '"choice":' not in text
    policy = schema(Scenario)["properties"]["policy"]
    assert policy["description"] == "The rule for the data that each generation is trained on."


def test_check_jsonschema_accepts_good_specs_and_rejects_bad_ones(tmp_path: Path) -> None:
    target = tmp_path / "recurse.schema.json"
    target.write_text(json.dumps(schema(Scenario)))
    good = tmp_path / "good.yaml"
    good.write_text(
        "$schema: ./recurse.schema.json\nversion: 1\nname: a\nextends: b.yaml\nmodel: linear\n"
        "source: {kind: linear_regression, dim: 3}\npolicy: {kind: mix, lambda: 1e-3}\n"
        "samples: {real: 9, synthetic: 9}\ngenerations: 2\nseeds: [1, 2]\nbackend: numpy\n"
        "metrics: [excess_risk, {kind: w2}]\nmatrix: {policy: [replace, {kind: window}]}\n"
    )
    bad = [HERE / "bad_specs" / f"{name}.yaml" for name in STRUCTURAL]
    command = [sys.executable, "-m", "check_jsonschema", "--no-cache", "--schemafile", str(target)]
    accepted = subprocess.run([*command, str(good)], capture_output=True, text=True)
    assert accepted.returncode == 0, accepted.stdout
    refused = subprocess.run([*command, *map(str, bad)], capture_output=True, text=True)
    assert refused.returncode == 1
    for path in bad:
        assert f"{path}::$" in refused.stdout
    assert "not valid under any of the given schemas" not in refused.stdout
