"""The identity of a cell: frozen for good, blind to what does not matter, and explained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recurse.families.gaussian import Gaussian
from recurse.families.linear import Linear
from recurse.families.vae import Vae
from recurse.metrics.elbo import Elbo
from recurse.metrics.mean_error import MeanError
from recurse.metrics.variance_ratio import VarianceRatio
from recurse.policies.accumulate import Accumulate
from recurse.policies.accumulate_subsample import AccumulateSubsample
from recurse.policies.mix import Mix
from recurse.policies.replace import Replace
from recurse.policies.window import Window
from recurse.scenario.identity import canonical, difference, digest, identities, identity
from recurse.scenario.scenario import Arm, Samples, load
from recurse.sources.digits import Digits
from tests.closed_arms import ARMS, normal
from tests.harness import change

GOLDEN = Path(__file__).with_name("golden_ids.json")
VAE = Arm(
    source=Digits(),
    model=Vae(latent=4),
    policy=Replace(),
    samples=Samples(real=500, synthetic=500),
    start="warm",
    backend="torch",
    generations=5,
    metrics=(Elbo(),),
)
CASES: dict[str, tuple[Arm, int]] = {
    **{name: (arm, 3) for name, arm in ARMS.items()},
    "vae": (VAE, 0),
    "vae jax scratch": (change(VAE, backend="jax", start="scratch"), 7),
    "large seed": (ARMS["gaussian replace"], 2**62),
    "mix lambda": (normal(Mix.model_validate({"lambda": 0.5})), 1),
    "budget": (normal(AccumulateSubsample(budget=12)), 1),
    "wide window": (normal(Window(size=10)), 1),
    "ridge": (change(ARMS["linear ridge"], backend="torch"), 5),
}


def name(arm: Arm, seed: int = 0) -> str:
    return digest(canonical(identity(arm, seed)))


def test_golden_identities() -> None:
    """A changed id would orphan every stored cell. Add lines to the file; never change one.

    If this fails, the change that broke it has to leave identities alone: give a new field a
    default (defaults are not part of an identity), or bump the version of the kind on purpose.
    """
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert len(golden) >= 20
    assert {case: name(*arm) for case, arm in CASES.items()} == golden


def test_defaults_are_no_part_of_an_identity() -> None:
    """So that a field added to arms later, with a default, leaves every identity alone."""
    assert set(identity(ARMS["gaussian replace"], 0)) == {
        "schema",
        "seed",
        "source",
        "policy",
        "model",
        "samples",
        "backend",
        "metrics",
    }


@pytest.mark.parametrize("case", ARMS)
def test_all_cells_of_an_arm_at_once(case: str) -> None:
    for seed, text in identities(ARMS[case], [0, 7, 12345]):
        assert text == canonical(identity(ARMS[case], seed))


def test_identities_differ() -> None:
    found = [name(*case) for case in CASES.values()]
    assert len(set(found)) == len(found)


SAME = normal(Replace())


@pytest.mark.parametrize(
    "other",
    [
        change(SAME, generations=99),
        change(SAME, metrics=tuple(reversed(SAME.metrics))),
        normal(Replace(), model=Gaussian(estimator="mle")),
        change(SAME, samples=Samples(real=24, synthetic=24, fresh=12)),
    ],
    ids=["generations", "order of metrics", "a default written out", "the same counts"],
)
def test_what_does_not_count(other: Arm) -> None:
    assert name(other) == name(SAME)


@pytest.mark.parametrize(
    "fields",
    [
        {"backend": "jax"},
        {"policy": Accumulate()},
        {"model": Gaussian(estimator="unbiased")},
        {"samples": Samples(real=25, synthetic=24, fresh=12)},
        {"metrics": (MeanError(), VarianceRatio())},
        {"start": "warm"},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_what_counts(fields: dict[str, Any]) -> None:
    assert name(change(SAME, **fields)) != name(SAME)
    assert name(SAME, 1) != name(SAME, 0)


def test_a_version_above_one_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    before = name(SAME)
    monkeypatch.setattr(Replace, "version", 2)
    assert name(SAME) != before
    assert identity(SAME, 0)["policy"] == {"kind": "replace", "version": 2}


def test_a_scenario_says_the_same_in_other_words() -> None:
    """Names, titles, claims, number formats and the order of keys are nobody's identity."""
    plain: dict[str, Any] = {
        "version": 1,
        "name": "a",
        "source": {"kind": "linear_regression", "dim": 4, "noise": 2},
        "model": "linear",
        "policy": "replace",
        "samples": {"real": 20, "synthetic": 20},
        "generations": 3,
        "seeds": 2,
        "backend": "numpy",
        "metrics": ["excess_risk"],
    }
    claim = {"kind": "bounded_by", "metric": "excess_risk", "value": 5.0}
    other = {
        **dict(reversed(plain.items())),
        "name": "b",
        "title": "other",
        "source": {"noise": 2.0, "dim": 4, "kind": "linear_regression", "design": "reused"},
        "model": {"kind": "linear", "ridge": 0.0},
        "meta": {"x": 1},
        "claims": [claim],
        "seeds": [0, 5],
    }
    left, right = load(plain).arms[0].arm, load(other).arms[0].arm
    assert name(left) == name(right)


def test_canonical() -> None:
    """Equal values have equal text: sorted keys, whole floats as integers, no NaN."""
    assert canonical({"b": 1.0, "a": [1e3, True, None, "é"]}) == (
        '{"a":[1000,true,null,"\\u00e9"],"b":1}'
    )
    assert canonical({"a": 0.1}) == '{"a":0.1}' and canonical(1e300) == "1e+300"
    with pytest.raises(ValueError, match="JSON"):
        canonical({"a": float("nan")})


def test_difference_names_the_path() -> None:
    ridge = change(ARMS["linear ridge"], model=Linear())
    before, after = identity(ARMS["linear ridge"], 0), identity(ridge, 1)
    assert difference(before, after) == ["model.ridge: 0.2 -> default", "seed: 0 -> 1"]
    assert difference(before, before) == []
