"""Shipped specs, the spec to start from, and that `validate` refuses whatever `run` would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from recurse import Problems, load, plan
from recurse.bundled import folder
from recurse.cli.catalogue import entries
from recurse.planning.selection import select, select_each
from recurse.running.check import check
from recurse.scenario.shipped import files, schema_text, shipped

BAD = files(Path(__file__).parents[1] / "reading" / "bad_specs")
ROOT = Path(__file__).parents[2]


def test_shipped_specs_are_found() -> None:
    """That each is accepted is asked in test_house."""
    assert {"quickstart", "gerstgrasser-linear", "kazdan-gaussian"} <= shipped().keys()
    assert all(one.title and one.cite for one in shipped().values())
    assert {one.path.parent for one in shipped().values()} == {folder()}
    assert load("quickstart").name == "quickstart"


def test_the_published_schema_is_current() -> None:
    assert (ROOT / "specs" / "recurse.schema.json").read_text() == schema_text()


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_validate_refuses_what_a_plan_refuses(path: Path) -> None:
    with pytest.raises(Problems) as refused:
        plan(path)
    assert check([str(path)]) == {str(path): refused.value.problems}


def test_a_problem_of_an_override_names_the_flag_and_of_several_files_the_one(
    spec: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(spec.read_text().replace("name: ", "name: other-"))
    both = [str(spec), str(other)]
    for sets in (["samples.real=none"], ["backend=cuda"], ["=1"]):
        (alone,) = check(both[:1], sets)[both[0]]
        assert alone.file == f"--set {sets[0]}" and both[0] not in alone.message
        for place, (found,) in check(both, sets).items():
            assert (found.file, found.code) == (alone.file, alone.code)
            assert found.message == f"{alone.message} (in {place})"


@pytest.mark.parametrize(
    ("sets", "code"),
    [
        (["backend=cuda"], "E207"),
        (["model=vae", "source=digits", "metrics=[elbo]", "backend=numpy"], "E201"),
        (["metrics=[elbo]"], "E202"),
        (["samples.real=3", "samples.synthetic=3"], "E204"),
        (["source={kind: digits}"], "E211"),
        (["start=warm"], "E211"),
        (["matrix.policy=[{kind: accumulate_subsample, budget: 1000}]"], "E205"),
        (["claims=[{kind: plateaus, metric: w2}]"], "E209"),
    ],
)
def test_each_refusal_comes_before_work(call: Any, spec: Path, sets: list[str], code: str) -> None:
    flags = [part for text in sets for part in ("-s", text)]
    validated = call("validate", spec, *flags)
    assert (validated.code, f"error[{code}]" in validated.out) == (2, True)
    run = call("run", spec, *flags, "--store", "runs")
    assert (run.code, run.out) == (2, "")
    assert run.err == validated.out
    assert not Path("runs").exists()


def test_a_directory_means_its_yaml_files(call: Any, spec: Path) -> None:
    Path("notes.txt").write_text("not a spec")
    Path("other.yml").write_text(spec.read_text().replace("name: tiny", "name: other"))
    assert call("validate", ".", "-v").err.splitlines() == [
        "ok   other.yml",
        "ok   tiny.yaml",
        "ok: 2 specs",
    ]


def test_two_scenarios_of_one_name_are_refused(call: Any, spec: Path) -> None:
    Path("twin.yaml").write_text(spec.read_text())
    said = call("plan", spec, "twin.yaml")
    assert (said.code, "is also the name in" in said.err) == (2, True)


def test_init_writes_a_spec_that_runs(call: Any) -> None:
    assert call("init", "mine.yaml").code == 0
    assert load("mine.yaml").name == "mine"
    assert json.loads(Path("recurse.schema.json").read_text())["$schema"]
    before = Path("mine.yaml").read_text()
    refused = call("init", "mine.yaml")
    assert (refused.code, "--force" in refused.err) == (2, True)
    assert Path("mine.yaml").read_text() == before


@pytest.mark.parametrize("name", ["2024", "true", "1e5", "null", "0x1f", "a-b"])
def test_init_names_a_spec_after_its_file_whatever_yaml_makes_of_it(call: Any, name: str) -> None:
    assert call("init", f"{name}.yaml").code == 0
    assert load(f"{name}.yaml").name == name


def test_fields_of_kinds_say_what_they_are() -> None:
    """Those that have a text below them in the source: most."""
    texts = {(one.kind, field.name): field.about for one in entries() for field in one.fields}
    assert texts["gmm", "restarts"] == "Starts from different points."
    assert texts["mix", "lambda"].startswith("Synthetic samples per real sample")
    assert texts["verifier", "reference.offset"] == "The distance of the reference from the truth."
    assert sum(map(bool, texts.values())) > len(texts) / 2


def test_init_copies_a_shipped_spec_with_the_files_it_names(call: Any, tmp_path: Path) -> None:
    for name, one in shipped().items():
        target = tmp_path / name
        assert call("init", "--from", name, target / "copy.yaml").code == 0
        assert (target / "copy.yaml").read_text() == one.path.read_text()
        assert load(target / "copy.yaml").name == name


@pytest.mark.parametrize(
    ("term", "places"),
    [
        ("replace", (0, 1)),
        ("policy=replace", (0, 1)),
        ("policy=*ace", (0, 1)),
        ("policy=replace,samples.real=40", (1,)),
        ("samples.real=40", (1, 3)),
        ("kind:excess_risk", (0, 1, 2, 3)),
        ("status:new,kind:accumulate", (2, 3)),
        ("backend=numpy", (0, 1, 2, 3)),
        ("source.noise=1", (0, 1, 2, 3)),
        ("policy=replace,samples.real=20", (0,)),
    ],
)
def test_selections(spec: Path, term: str, places: tuple[int, ...]) -> None:
    matrix = "matrix={policy: [replace, accumulate], samples.real: [20, 40]}"
    made = plan(load(spec, [matrix, "source.design=fresh"]))
    assert select(made, [term]) == places


@pytest.mark.parametrize(
    ("term", "place"),
    [
        ("source.noise=0.123456789", 0),
        ("source.noise=.1234567890", 0),
        ("source.noise=0.123456788", 1),
        ("source.noise=1000000", 2),
        ("source.noise=1e6", 2),
        ("samples.real=2e1", None),
    ],
)
def test_numbers_are_selected_however_they_are_written(
    spec: Path, term: str, place: int | None
) -> None:
    matrix = "matrix={source.noise: [0.123456789, 0.123456788, 1000000.0]}"
    made = plan(load(spec, [matrix, "policy=replace"]))
    assert select(made, [term]) == ((place,) if place is not None else (0, 1, 2))


def test_selections_add_up_and_none_means_all(spec: Path) -> None:
    made = plan(spec)
    assert select(made, ["replace", "accumulate"]) == (0, 1)
    assert select(made, []) is None


def test_each_selection_has_to_match_in_one_of_several_specs(spec: Path) -> None:
    """And adds up there with those that match in another one alone."""
    axes = (["replace", "accumulate"], ["replace", "mix"], ["replace"])
    made = [plan(load(spec, [f"matrix={{policy: {json.dumps(values)}}}"])) for values in axes]
    assert select_each(made, []) == [None, None, None]
    assert select_each(made, ["policy=accumulate", "policy=mix"]) == [(1,), (1,), ()]
    assert select_each(made, ["policy=accumulate", "replace"]) == [(0, 1), (0,), (0,)]
    with pytest.raises(Problems) as refused:
        select_each(made, ["policy=accumulate", "policy=fresh"])
    assert {problem.file for problem in refused.value.problems} == {"--select policy=fresh"}
    with pytest.raises(Problems) as malformed:
        select_each(made, ["status:odd"])
    assert len(malformed.value.problems) == 1


def test_the_hook_is_a_command_that_exists(call: Any, spec: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hook["id"] == "recurse-validate"
    assert call(*hook["entry"].split()[1:], spec).code == 0
