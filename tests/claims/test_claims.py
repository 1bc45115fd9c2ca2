"""The common parts of claims: discovery, light imports, ``where``, strictness, their evidence."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from pydantic import ValidationError

from recurse.claims import Claim, matches
from recurse.spec import kinds
from tests.claims.simulate import series

KINDS = {
    "bounded_by": '{"kind": "bounded_by", "metric": "m", "value": 1}',
    "grows": '{"kind": "grows", "metric": "m"}',
    "matches_curve": '{"kind": "matches_curve", "metric": "m", "file": "a.csv", "rtol": 0.1}',
    "matches_theory": '{"kind": "matches_theory", "metric": "m", "generations": [0, 2]}',
    "ordering": '{"kind": "ordering", "metric": "m", "arms": [{"policy": "a"}, {"policy": "b"}]}',
    "plateaus": '{"kind": "plateaus", "metric": "m"}',
}


def claim(name: str) -> Claim:
    found = kinds("claim")[name].model_validate_json(KINDS[name])
    assert isinstance(found, Claim)
    return found


def test_kinds_are_discovered() -> None:
    assert set(KINDS) <= set(kinds("claim"))


def test_claims_are_light_to_import() -> None:
    code = (
        "import sys; from recurse.spec import kinds; kinds('claim');"
        "print(sorted({m.split('.')[0] for m in sys.modules}"
        " & {'scipy', 'duckdb', 'polars', 'torch', 'jax', 'altair'}))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize("name", sorted(KINDS))
def test_claims_are_frozen_strict_and_written_in_words(name: str) -> None:
    made = claim(name)
    assert "m" in made.statement()
    with pytest.raises(ValidationError):
        made.metric = "other"
    with pytest.raises(ValidationError, match="tolernce"):
        kinds("claim")[name].model_validate_json(KINDS[name][:-1] + ', "tolernce": 1}')
    with pytest.raises(ValidationError):
        kinds("claim")[name].model_validate_json(KINDS[name].replace('"m"', "1"))


@pytest.mark.parametrize("name", sorted(KINDS))
def test_no_claim_holds_of_nothing(name: str) -> None:
    for given in ([], [series(np.zeros((0, 8)))], [series(np.zeros((3, 0)))]):
        found = claim(name).judge(given)
        assert found
        assert all(verdict.holds is None for verdict in found)
        assert all(verdict.evidence for verdict in found)


def test_where_selects_by_path_kind_and_part() -> None:
    data = {"policy": {"kind": "mix", "share": 2}, "samples": {"real": 100}, "backend": "jax"}
    assert matches(data, {})
    assert matches(data, {"policy": "mix", "samples.real": 100, "backend": "jax"})
    assert matches(data, {"policy": {"kind": "mix"}, "policy.share": 2})
    assert not matches(data, {"policy": "replace"})
    assert not matches(data, {"policy": {"kind": "mix", "share": 3}})
    assert not matches(data, {"samples.fresh": 0})
    assert not matches(data, {"samples.real.more": 1})
