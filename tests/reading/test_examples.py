"""Who forgot a key is told its kinds, its values, or one line that would do."""

from __future__ import annotations

from typing import Any

import pytest

from recurse.reading import shape
from recurse.reading.examples import example, wanted
from recurse.reading.problems import Problems
from recurse.scenario.scenario import Scenario, load
from recurse.spec import ROLES, kinds
from tests.reading.test_hints import SPEC

KINDS = [(role, kind) for role in ROLES for kind in kinds(role)]
HINTS = {
    "version": "write 'version: 1'",
    "seeds": "a whole number or a list, as in 'seeds: 10'",
    "source": "one of bernoulli, beta,",
    "model": "try 'recurse kinds model'",
    "policy": "one of accumulate, accumulate_subsample,",
    "metrics": "a list of alive,",
    "samples": "as in 'samples: {real: 10, synthetic: 10}'",
    "generations": "a whole number, as in 'generations: 10'",
    "backend": "write 'backend: numpy'",
}


@pytest.mark.parametrize("key", HINTS)
def test_a_missing_key_says_what_to_write(key: str) -> None:
    with pytest.raises(Problems) as raised:
        load({name: value for name, value in SPEC.items() if name != key})
    (problem,) = raised.value.problems
    assert (problem.code, problem.path) == ("E102", key) and HINTS[key] in problem.hint


@pytest.mark.parametrize(("role", "kind"), KINDS, ids=str)
def test_every_required_key_of_every_kind_has_an_example(role: str, kind: str) -> None:
    place = shape.root(kinds(role)[kind])
    for key in place.node.get("required", ()):
        assert wanted(key, place.child({}, key), role=False), key


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ({"type": "integer", "minimum": 1}, 10),
        ({"type": "integer", "maximum": 4}, 1),
        ({"type": "integer", "minimum": 12}, 12),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
        ({"type": "number", "maximum": 0}, 0),
        ({"type": "array", "items": {"type": "number"}, "minItems": 2}, [10, 10]),
        ({"anyOf": [{"type": "null"}, {"enum": ["a", "b"]}]}, "a"),
        ({"type": "boolean"}, True),
        ({"type": "string"}, "..."),
        ({"type": "object", "properties": {"a": {"const": 3}}, "required": ["a"]}, {"a": 3}),
    ],
)
def test_an_example_is_within_the_bounds(node: dict[str, Any], value: Any) -> None:
    assert example(shape.Place(node, {})) == value


def test_the_examples_of_numbers_and_mappings_are_taken() -> None:
    """The whole scenario from examples, but for the backend and names, passes."""
    place = shape.root(Scenario)
    keys = ("samples", "generations", "seeds", "version")
    load({**SPEC, **{key: example(place.child({}, key)) for key in keys}})
