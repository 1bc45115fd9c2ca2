"""Every refusal of a validated model is one sentence, at its place, with the way out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recurse.reading.layers import read, validate
from recurse.reading.problems import Problem, Problems
from recurse.reading.yamlfile import parse
from recurse.scenario.scenario import load
from tests.toy_models import Root, Vae

BAD = sorted((Path(__file__).parent / "bad_specs").glob("*.yaml"))


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(Problems) as raised:
        validate(Root, parse(text, "a.yaml"))
    return raised.value.problems


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad_specs_are_refused_with_exactly_the_expected_problems(path: Path) -> None:
    text = path.read_text()
    expected = re.findall(r"^# expect: (\d+):(\d+) (E\d+) (.+)$", text, re.MULTILINE)
    assert len(expected) == text.count("# expect:") > 0
    with pytest.raises(Problems) as raised:
        load(path)
    found = raised.value.problems
    lines = text.splitlines()
    for problem in found:
        assert problem.file == str(path)
        assert problem.span is not None
        assert problem.span.column <= len(lines[problem.span.line - 1]) + 1
    places = [(str(p.span and p.span.line), str(p.span and p.span.column), p.code) for p in found]
    assert sorted(places) == sorted((line, column, code) for line, column, code, _ in expected)
    said = [problem.text() for problem in found]
    for line, column, code, words in expected:
        start = f"{path}:{line}:{column}: error[{code}]: "
        assert any(text.startswith(start) and words in text for text in said), (words, said)


@pytest.mark.parametrize(
    ("text", "place", "sentence"),
    [
        (
            "model: {kind: vae, latent_dim: 1, vae: x}",
            "1:40 E104",
            "model.vae: expected a whole number, got 'x'",
        ),
        (
            "many: [{kind: vae, vae: 2}]",
            "1:8 E102",
            "many.0.latent_dim: required key is missing; a whole number, as in 'latent_dim: 10'",
        ),
        (
            "many: [{kind: linear, lambd: 2}]",
            "1:23 E101",
            "many.0.lambd: unknown key; did you mean 'lambda'?",
        ),
        (
            "model: {kind: vae, latentdim: 2}",
            "1:20 E101",
            "model.latentdim: unknown key; rename it to 'latent_dim'",
        ),
        (
            "model: {knd: linear}",
            "1:9 E101",
            "model.knd: unknown key; rename it to 'kind'; known: vae, linear",
        ),
        (
            "model: {kind: 3}",
            "1:15 E103",
            "model: expected the name of a kind, got 3; known: vae, linear",
        ),
        (
            "model: {kind: [vae]}",
            "1:15 E103",
            "model: expected the name of a kind, got a list; known: vae, linear",
        ),
        ("only: {kind: vae}", "1:14 E103", "only: unknown kind 'vae'; known: linear"),
        (
            "only: linaer",
            "1:7 E103",
            "only: unknown kind 'linaer'; did you mean 'linear'? (known: linear)",
        ),
        (
            "width: atuo",
            "1:8 E104",
            "width: expected 'auto' or 'full' or a whole number, got 'atuo'; did you mean 'auto'?",
        ),
        ("seeds: 0", "1:8 E105", "seeds: must be at least 1, got 0"),
        ("seeds: [1, 2.5]", "1:12 E104", "seeds.1: expected a whole number, got 2.5"),
        ("seeds: {a: 1}", "1:8 E104", "seeds: expected a whole number or a list, got a mapping"),
        ("flag: 'on'", "1:7 E104", "flag: expected true or false, got 'on'; write true"),
        (
            "step: '1e-3'",
            "1:7 E104",
            "step: expected a number, got '1e-3'; write 0.001 without quotes",
        ),
        ("title: 1", "1:8 E104", "title: expected text, got 1; put it in quotes"),
        ("title: true", "1:8 E104", "title: expected text, got true; put it in quotes"),
        ("title: ~", "1:8 E104", "title: expected text, got null"),
        ("even: 3", "1:7 E109", "even: must be even"),
        ("odd: 4", "1:6 E204", "odd: must be odd, not 4"),
        ("Title: x", "1:1 E101", "Title: unknown key; did you mean 'title'?"),
        ("version: 1\nversio: 1", "2:1 E101", "versio: unknown key; 'version' is already given"),
        ("3", "1:1 E104", "expected a mapping, got 3"),
    ],
)
def test_messages(text: str, place: str, sentence: str) -> None:
    (problem,) = problems(text + "\n")
    assert problem.span is not None
    assert f"{problem.span.line}:{problem.span.column} {problem.code}" == place
    assert problem.sentence == sentence


def test_two_misspelt_keys_are_matched_to_two_missing_ones_at_most_once() -> None:
    found = problems("model: {kind: vae, latentdim: 2, latent_dimm: 3}\n")
    assert [problem.hint for problem in found] == [
        "rename it to 'latent_dim'",
        "did you mean 'latent_dim'?",
    ]


def test_values_survive_validation_unchanged() -> None:
    root = validate(Root, parse("model: {kind: vae, latent_dim: 2}\nstep: 1\nmeta: {a: [1, x]}\n"))
    assert root.model == Vae(latent_dim=2)
    assert root.step == 1.0
    assert root.meta == {"a": [1, "x"]}


WORDS = st.sampled_from(
    ["version", "model", "kind", "vae", "linear", "latent_dim", "lambda", "many", "seeds", "auto",
     "width", "step", "x", "only", "meta", "even"]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.dictionaries(WORDS, VALUES, max_size=5))
def test_any_data_are_valid_or_refused_with_known_paths(data: dict[str, Any]) -> None:
    document = read(data)
    try:
        validate(Root, document)
    except Problems as raised:
        for problem in raised.problems:
            parts = document.path(problem.path)
            block = document.get(parts[:-1], "absent")
            bare = document.get(parts[:-1]) in ("vae", "linear")
            assert isinstance(block, dict | list) or bare or not parts
