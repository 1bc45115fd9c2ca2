"""The matrix: which arms there are, what they are called, and that none comes twice."""

from __future__ import annotations

from typing import Any

import pytest

from recurse.planning.planner import plan
from recurse.planning.selection import select
from recurse.reading.problems import Problems
from recurse.scenario.scenario import load
from tests.planning.test_planner import spec


def labels(**matrix: Any) -> list[str]:
    return [arm.label for arm in load(spec(matrix=matrix)).arms]


def refused(**fields: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(Problems) as raised:
        load(spec(**fields))
    return [(p.code, p.path, p.message) for p in raised.value.problems]


def test_arms_that_are_included_have_labels_of_their_own() -> None:
    """Two values of one kind are told apart by their options, wherever they are written."""
    mixes = [{"policy": {"kind": "mix", "lambda": ratio}} for ratio in (0.5, 2.0)]
    found = labels(policy=["replace"], include=mixes)
    assert found == ["policy=replace", "policy=mix(lambda=0.5)", "policy=mix(lambda=2)"]
    assert labels(policy=["mix"], include=mixes[1:]) == ["policy=mix", "policy=mix(lambda=2)"]


def test_a_value_that_is_written_in_two_ways_has_one_name() -> None:
    again = {"policy": {"kind": "mix"}, "samples.real": 30, "samples.synthetic": 5}
    found = labels(**{"policy": ["mix"], "samples.real": [20], "include": [again]})
    assert found[1] == "policy=mix,samples.real=30,samples.synthetic=5"


def test_an_axis_of_lists_stays_one_axis() -> None:
    """Commas between the items part no axes."""
    axes = {"metrics": [["mean_error"], ["mean_error", "w2"]], "policy": ["replace"]}
    assert labels(**axes)[1] == "metrics=(mean_error,w2),policy=replace"
    made = plan(load(spec(matrix=axes)))
    assert made.arms[1].axes == {"metrics": "(mean_error,w2)", "policy": "replace"}


def test_an_axis_of_nested_options_stays_one_axis() -> None:
    window = {"tolerance": 1, "offset": 0.1}
    judges = [{"kind": "verifier", "phi": phi, "reference": window} for phi in (0.9, 0.8)]
    axes = {"corrector": judges, "samples.real": [20]}
    (first, second) = plan(load(spec(matrix=axes))).arms
    name = "verifier(phi=0.9,reference=(tolerance=1,offset=0.1))"
    assert first.axes == {"corrector": name, "samples.real": "20"}
    assert first.axes["corrector"] != second.axes["corrector"]
    made = plan(load(spec(matrix=axes)))
    assert select(made, [first.label]) == (0,) and select(made, [f"corrector={name}"]) == (0,)


def test_numbers_are_named_exactly_and_as_short_as_can_be() -> None:
    rates = [1000001.0, 1000004.0, 0.1, 0.1000000001, 2.0, 1e8, 1 / 3, 7]
    names = ["1000001", "1000004", "0.1", "0.1000000001", "2", "1e+08", "0.3333333333333333", "7"]
    made = load(spec(source="poisson", model="poisson", matrix={"source.rate": rates}))
    assert [arm.axes["source.rate"] for arm in made.arms] == names


NLL = {"kind": "test_nll", "heldout": 100}


@pytest.mark.parametrize(
    ("axis", "values"),
    [
        ("sampler", [{"kind": "bias", "lambda": 0.1}, {"kind": "bias", "lambda": 0.1000000001}]),
        ("policy", ["mix", {"kind": "mix", "lambda": 0.5}]),
        ("metrics", [[NLL], [{**NLL, "heldout": 200}]]),
    ],
    ids=str,
)
def test_different_values_have_different_names(axis: str, values: list[Any]) -> None:
    assert len(set(labels(**{axis: values}))) == len(values)


def test_a_label_that_names_two_arms_is_refused() -> None:
    """A text may look like a label."""
    twins = [
        {"source.path": "t.csv,source.test=0.5"},
        {"source.path": "t.csv", "source.test": 0.5},
    ]
    found = refused(source={"kind": "table", "path": "t.csv"}, matrix={"include": twins})
    ((code, path, text),) = found
    assert (code, path) == ("E212", "matrix.include.1.source.path")
    assert text.startswith("'source.path=t.csv,source.test=0.5' would name two arms")


def test_a_repeated_value_is_refused_once_at_its_place() -> None:
    """Also where it is equal only once its defaults are filled in, and for all other axes."""
    spelt = {"kind": "gaussian", "dim": 2}
    axes = {"samples.real": [20, 30], "source": [spelt, {**spelt, "mean": None}]}
    ((code, path, text),) = refused(matrix=axes)
    assert (code, path) == ("E212", "matrix.source.1")
    assert text.startswith("makes the arm 'samples.real=20,source=gaussian(dim=2)' again")


def test_backends_are_arms_of_one_label() -> None:
    assert labels(backend=["numpy", "torch"]) == ["replace", "replace"]


@pytest.mark.parametrize(
    ("seeds", "repeated"), [([3, 3], [1]), ([4, 1, 4, 1], [2, 3]), ([1, 2], [])], ids=str
)
def test_seeds_are_given_once(seeds: list[int], repeated: list[int]) -> None:
    if not repeated:
        assert load(spec(seeds=seeds)).seed_list == tuple(seeds)
        return
    found = refused(seeds=seeds)
    places = [(f"seeds.{at}", f"seed {seeds[at]} is given twice") for at in repeated]
    assert found == [("E109", *place) for place in places]


def test_without_axes_only_what_is_included_is_an_arm() -> None:
    """As in GitHub Actions, where an included combination is not added to by the next either."""
    larger = {"policy": "mix", "samples.real": 30}
    found = labels(include=[{"policy": "mix"}, larger, {"policy": "fresh"}])
    assert found == ["policy=mix", "policy=mix,samples.real=30", "policy=fresh"]
    assert labels(policy=["mix"], include=[larger]) == ["policy=mix,samples.real=30"]


def test_without_axes_and_without_include_the_base_is_the_one_arm() -> None:
    assert labels() == ["replace"]


def test_an_exclusion_of_nothing_is_refused() -> None:
    """A misspelt value would leave in what was meant to be left out."""
    axes = {"policy": ["replace", "accumulate"], "samples.real": [20, 30]}
    entries = [{"policy": "replce"}, {"policy": "replace", "samples.real": 20}]
    ((code, path, text),) = refused(matrix={**axes, "exclude": entries})
    assert (code, path) == ("E212", "matrix.exclude.0")
    assert text == "excludes nothing: no combination has these values"
    assert len(labels(**{**axes, "exclude": entries[1:]})) == 3


def test_an_override_of_an_axis_is_refused() -> None:
    """It would change nothing; the hint is what was meant."""
    given = spec(matrix={"policy": ["replace"], "samples.real": [20]})
    for text, hint in (
        ("policy=accumulate", "write --set 'matrix.policy=[accumulate]'"),
        ("policy.kind=mix", "write --set 'matrix.policy=[...]'"),
        ("samples.real=50", "write --set 'matrix.samples.real=[50]'"),
    ):
        with pytest.raises(Problems) as raised:
            load(given, [text])
        (problem,) = raised.value.problems
        assert (problem.code, problem.hint, problem.file) == ("E017", hint, f"--set {text}")
    assert load(given, ["matrix.samples.real=[50]"]).arms[0].arm.samples.real == 50
    assert load(given, ["samples.synthetic=7"]).arms[0].arm.samples.synthetic == 7


def test_an_override_may_add_an_axis() -> None:
    """Its dotted path is one key, as in a file; a misspelt one is refused like any other."""
    given = spec(matrix={"policy": ["replace"], "samples.real": [20]})
    arms = load(given, ["matrix.samples.synthetic=[7, 9]"]).arms
    assert [each.label for each in arms] == [
        "policy=replace,samples.real=20,samples.synthetic=7",
        "policy=replace,samples.real=20,samples.synthetic=9",
    ]
    assert load({**spec(), "matrix": {}}, ["matrix.samples.synthetic=[7]"]).arms[0].label
    with pytest.raises(Problems) as raised:
        load(given, ["matrix.samples.noise=[7]"])
    ((file, code, path),) = [(p.file, p.code, p.path) for p in raised.value.problems]
    assert (file, code) == ("--set matrix.samples.noise=[7]", "E101")
    assert path == "samples.noise"
