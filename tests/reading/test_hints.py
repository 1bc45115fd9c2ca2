"""The hints that tell a newcomer what to write instead."""

from __future__ import annotations

from typing import Any

import pytest

from recurse.backend import backends
from recurse.reading.problems import Problems
from recurse.reading.synonyms import _CALLED, called
from recurse.scenario.scenario import load
from recurse.spec import ROLES, kinds

SPEC: dict[str, Any] = {
    "version": 1,
    "name": "x",
    "source": "gaussian",
    "model": "gaussian",
    "policy": "replace",
    "samples": {"real": 10, "synthetic": 10},
    "generations": 1,
    "seeds": 1,
    "backend": "numpy",
    "metrics": ["variance_ratio"],
}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "one metric without a list": ({"metrics": "w2"}, "write [w2]"),
    "an axis of one value": ({"matrix": {"samples.real": 5}}, "write [5]"),
    "a name from elsewhere": ({"metrics": ["fid"]}, "did you mean 'frechet'?"),
    "a family from elsewhere": ({"model": "OLS"}, "did you mean 'linear'?"),
    "a policy from elsewhere": ({"policy": "augment"}, "did you mean 'accumulate'?"),
    "arms by bare names": (
        {"claims": [{"kind": "ordering", "metric": "w2", "arms": ["replace", "mix"]}]},
        "write {policy: replace}",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_names_the_way_out(name: str) -> None:
    fields, words = WRONG[name]
    with pytest.raises(Problems) as raised:
        load({**SPEC, **fields})
    assert words in raised.value.problems[0].hint


def test_a_forgotten_backend_is_told_which_there_are() -> None:
    with pytest.raises(Problems) as raised:
        load({name: value for name, value in SPEC.items() if name != "backend"})
    (problem,) = raised.value.problems
    assert (problem.code, problem.path) == ("E102", "backend")
    assert all(name in problem.hint for name in backends())


def test_every_name_from_elsewhere_leads_to_a_kind() -> None:
    known = [kind for role in ROLES for kind in kinds(role)]
    assert all(called(name, known) for name in _CALLED)
    assert not set(_CALLED) & set(known) and not called("fid", ["w2"])
