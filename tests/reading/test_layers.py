"""Every value keeps its origin through layers, overrides and the matrix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recurse.reading.document import Document
from recurse.reading.layers import normalise, read, validate
from recurse.reading.problems import Problem, Problems, Span
from recurse.reading.yamlfile import parse
from tests.toy_models import Linear, Root, Vae


def refusal(spec: Any, sets: tuple[str, ...] = ()) -> Problem:
    with pytest.raises(Problems) as raised:
        validate(Root, read(spec, sets))
    (problem,) = raised.value.problems
    return problem


def test_a_bare_name_is_short_for_its_kind_wherever_a_kind_is_wanted() -> None:
    text = "model: linear\nonly: linear\nmany: [linear, {kind: linear}]\n"
    text += "width: auto\nmeta: {model: x}\n"
    assert normalise(Root, parse(text)).data == {
        "model": {"kind": "linear"},
        "only": {"kind": "linear"},
        "many": [{"kind": "linear"}, {"kind": "linear"}],
        "width": "auto",
        "meta": {"model": "x"},
    }
    assert validate(Root, parse(text)).many == (Linear(), Linear())


def test_the_arms_of_a_matrix_are_located_where_their_values_are_written() -> None:
    document = parse("model: linear\nmatrix:\n  model:\n    - {kind: vae, latent_dim: 0}\n", "f")
    placed = document.graft("model", ("matrix", "model", 0))
    assert placed.data["model"] == {"kind": "vae", "latent_dim": 0}
    assert document.data["model"] == "linear"
    assert placed.locate("model.latent_dim") == ("f", Span(4, 31, 4, 32))
    assert placed.locate(("model", "latent_dim"), key=True) == ("f", Span(4, 19, 4, 29))
    within = document.graft("model.latent_dim", ("matrix", "model", 0, "latent_dim"))
    assert within.data["model"] == {"kind": "linear", "latent_dim": 0}
    assert within.locate("model.kind")[1] == Span(1, 8, 1, 14)


def test_a_place_that_is_not_written_is_located_at_its_block() -> None:
    document = parse("a:\n  b: {c: 1}\nd: text\n", "f")
    assert document.locate("a.b.x.y") == ("f", Span(2, 3, 2, 4))
    assert document.locate("d.kind") == ("f", Span(3, 4, 3, 8))
    assert document.locate("z") == ("f", Span(1, 1, 1, 1))
    assert Document({}).locate("z") == ("", None)


def test_dotted_paths_follow_keys_that_contain_dots() -> None:
    document = parse("matrix: {samples.real: [1, 2], samples: {real: 3}}\n")
    assert document.path("matrix.samples.real.1") == ("matrix", "samples.real", 1)
    assert document.path("matrix.samples.real") == ("matrix", "samples", "real")
    assert document.path("new.3.x") == ("new", 3, "x")
    assert document.path("") == ()


@pytest.fixture
def layers(tmp_path: Path) -> Path:
    (tmp_path / "base.yaml").write_text(
        "$schema: base\nmodel:\n  kind: vae\n  latent_dim: 2\ntitle: base\nseeds: [1, 2]\n"
    )
    (tmp_path / "more.yaml").write_text("title: more\nstep: 0.5\n")
    return tmp_path


def write(folder: Path, text: str) -> Path:
    path = folder / "top.yaml"
    path.write_text(text)
    return path


def test_layers_merge_mappings_and_replace_the_rest(layers: Path) -> None:
    top = write(layers, "extends: [base.yaml, more.yaml]\nmodel: {vae: 3}\nseeds: [7]\n")
    document = read(top)
    assert document.data == {
        "model": {"kind": "vae", "latent_dim": 2, "vae": 3},
        "title": "more",
        "seeds": [7],
        "step": 0.5,
    }
    assert document.locate("model.latent_dim") == (str(layers / "base.yaml"), Span(4, 15, 4, 16))
    assert document.locate("title")[0] == str(layers / "more.yaml")
    assert document.locate("model.vae") == (str(top), Span(2, 14, 2, 15))
    assert document.locate("seeds.1")[0] == str(top)


@pytest.mark.parametrize("model", ["linear", "{kind: linear}"])
def test_another_kind_replaces_the_whole_mapping(layers: Path, model: str) -> None:
    document = read(write(layers, f"extends: base.yaml\nmodel: {model}\n"))
    assert validate(Root, document).model == Linear()
    assert ("model", "latent_dim") not in document.index


def test_a_mapping_without_kind_adds_to_a_bare_name(layers: Path) -> None:
    (layers / "base.yaml").write_text("model: vae\n")
    document = read(write(layers, "extends: base.yaml\nmodel: {latent_dim: 4}\n"))
    assert validate(Root, document).model == Vae(latent_dim=4)


def test_a_problem_in_a_lower_layer_names_its_file(layers: Path) -> None:
    (layers / "base.yaml").write_text("title: x\nmodel: {kind: vae, latent_dim: 0}\n")
    problem = refusal(write(layers, "extends: base.yaml\n"))
    assert problem.text().startswith(
        f"{layers / 'base.yaml'}:2:32: error[E105]: model.latent_dim: "
    )


@pytest.mark.parametrize(
    ("files", "start", "words"),
    [
        (
            {"top.yaml": "extends: a.yaml", "a.yaml": "extends: top.yaml"},
            "a.yaml:1:10: error[E016]: ",
            "extends: ",
        ),
        (
            {"top.yaml": "extends: sub/../top.yaml", "sub/x": ""},
            "top.yaml:1:10: error[E016]: ",
            "extends: ",
        ),
        (
            {"top.yaml": "extends: [a.yaml, b.yaml]", "a.yaml": "{}"},
            "top.yaml:1:19: error[E001]: ",
            "extends.1: cannot read",
        ),
        ({"top.yaml": "extends: {a: b}"}, "top.yaml:1:10: error[E016]: ", "extends: a file name"),
        (
            {"top.yaml": "extends: a.yaml", "a.yaml": "[1]"},
            "a.yaml:1:1: error[E015]: ",
            "the top level",
        ),
        ({"top.yaml": "extends: a.yaml", "a.yaml": "x: ["}, "a.yaml:1:5: error[E007]: ", ""),
        ({"top.yaml": "extends: ."}, "top.yaml:1:10: error[E001]: ", "extends: cannot read"),
        ({}, "top.yaml: error[E001]: ", "cannot read"),
    ],
)
def test_layers_that_cannot_be_read(
    tmp_path: Path, files: dict[str, str], start: str, words: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert f"/{start}{words}" in refusal(tmp_path / "top.yaml").text()


def test_layers_that_multiply_are_refused(tmp_path: Path) -> None:
    for n in range(20):
        (tmp_path / f"{n}.yaml").write_text(f"extends: [{n + 1}.yaml, {n + 1}.yaml]\n")
    (tmp_path / "20.yaml").write_text("{}\n")
    assert "more than 64 files" in refusal(tmp_path / "0.yaml").message


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("model.latent_dim=7", "model.latent_dim", 7),
        ("step=1e-3", "step", 0.001),
        ("title=a: b # c", "title", "a: b # c"),
        ("title='7'", "title", "7"),
        ("title=x=y", "title", "x=y"),
        ("flag=true", "flag", True),
        ("seeds=[4, 5]", "seeds", [4, 5]),
        ("seeds.1=9", "seeds.1", 9),
        ("seeds.2=9", "seeds", [1, 2, 9]),
        ("model={kind: linear, lambda: 2}", "model", {"kind": "linear", "lambda": 2}),
        ("only.lambda=3", "only", {"kind": "linear", "lambda": 3}),
        ("meta.new.key=1", "meta", {"new": {"key": 1}}),
        ("title=", "title", None),
    ],
)
def test_overrides(layers: Path, text: str, path: str, value: Any) -> None:
    document = read(write(layers, "extends: base.yaml\nonly: linear\n"), [text])
    assert document.get(document.path(path)) == value


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (
            "model.latent_dim=x",
            ":1:18: error[E104]: ",
            "model.latent_dim: expected a whole number, got 'x'",
        ),
        (
            "model.latentdim=4",
            ":1:1: error[E101]: ",
            "model.latentdim: unknown key; 'latent_dim' is already given",
        ),
        ("many=[vae]", ":1:7: error[E102]: ", "many.0.latent_dim: required key is missing"),
        ("many=[{kind: vea}]", ":1:14: error[E103]: ", "many.0: unknown kind 'vea'"),
        ("many=[1", ":1:6: error[E007]: ", "this '[' is not closed"),
        ("many=[*x]", ":1:7: error[E011]: ", "alias"),
        ("step=1e999", ":1:6: error[E013]: ", "the number is too large"),
        ("seeds.5=1", ":1:9: error[E017]: ", "seeds: is a list of 2; '5' is no index in it"),
        ("step.x=1", ":1:8: error[E017]: ", "step: is not a mapping; it has no key 'x'"),
        ("nonsense", ": error[E017]: ", "not of the form PATH=VALUE"),
        ("a..b=1", ": error[E017]: ", "not of the form PATH=VALUE"),
        ("=1", ": error[E017]: ", "not of the form PATH=VALUE"),
        ("extends=other.yaml", ": error[E017]: ", "extends: cannot be set: it is read first"),
    ],
)
def test_problems_with_overrides_name_the_flag(
    layers: Path, text: str, place: str, words: str
) -> None:
    problem = refusal(write(layers, "extends: base.yaml\nstep: 1\n"), (text,))
    assert problem.text().startswith(f"--set {text}{place}{words}")


def test_a_mapping_from_python_is_read_like_a_file() -> None:
    document = read({"model": {"kind": "vae", "latent_dim": 2}, "seeds": (1, 2)}, ["step=2"])
    assert validate(Root, document) == Root(model=Vae(latent_dim=2), seeds=(1, 2), step=2.0)
    assert (
        refusal({"tilte": "x"}).text() == "error[E101]: tilte: unknown key; did you mean 'title'?"
    )


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (float("nan"), "E013"),
        (2**64, "E013"),
        ({1: 2}, "E012"),
        (Path("x"), "E015"),
        ({"a": b"x"}, "E015"),
    ],
)
def test_what_is_not_plain_data_is_refused(value: Any, code: str) -> None:
    problem = refusal({"meta": {"x": value}})
    assert problem.code == code
    assert problem.path.startswith("meta.x")


def test_a_mapping_that_contains_itself_is_refused() -> None:
    loop: dict[str, Any] = {}
    loop["meta"] = loop
    assert refusal(loop).code == "E005"
