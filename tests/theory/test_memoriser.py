"""The forgetting of a memoriser: laws of the loop, level 1e-6 each; the shift each would find."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurse.families.memoriser import Memoriser
from recurse.metrics.missing_mass import MissingMass
from recurse.metrics.unique import Unique
from recurse.policies import Policy
from recurse.policies.accumulate import Accumulate
from recurse.policies.accumulate_subsample import AccumulateSubsample
from recurse.policies.fresh import Fresh
from recurse.policies.mix import Mix
from recurse.policies.replace import Replace
from recurse.policies.window import Window
from recurse.sources.categorical import CategoricalSource
from recurse.theory.law import curves
from tests.discrete_arms import frequencies
from tests.harness import Array, simulate
from tests.statistics_checks import detectable, z_test

ZIPF = CategoricalSource(form="zipf", symbols=300, exponent=1.5)
COUNTS = {"real": 60, "synthetic": 90, "fresh": 20}


def memoriser(policy: Policy, **parts: Any) -> Any:
    given = {"source": ZIPF, "model": Memoriser(), "generations": 8, **parts}
    arm = frequencies(policy, **given, metrics=(MissingMass(), Unique()))
    return arm.model_copy(update={"samples": type(arm.samples)(**COUNTS)})


def lines(arm: Any, metric: str) -> dict[str, Array]:
    return {c.name: c.values for c in curves(arm)[0] if c.metric == metric}


@pytest.mark.parametrize("policy", [Mix(), Accumulate()], ids=["mix", "accumulate"])
@pytest.mark.parametrize("exact", [True, False])
def test_what_the_real_sample_holds_is_all_there_is(policy: Policy, exact: bool) -> None:
    arm = memoriser(policy)
    found = simulate(arm, 1_000, exact)
    for metric in ("missing_mass", "unique"):
        expected = lines(arm, metric)["expectation"]
        assert np.ptp(expected) < 1e-12 * expected[0]
        assert np.all(z_test(found[metric][:1].T, expected[:1]) < 0.04 * expected[0])
        assert np.array_equal(found[metric], np.tile(found[metric][0], (9, 1)))


@pytest.mark.parametrize("policy", [Replace(), Fresh()], ids=["replace", "fresh"])
@pytest.mark.parametrize("exact", [True, False])
def test_without_it(policy: Policy, exact: bool) -> None:
    """The mean-share curve within 2 %, between the bounds."""
    arm = memoriser(policy)
    found = simulate(arm, 1_000, exact)
    for metric in ("missing_mass", "unique"):
        drawn, values = lines(arm, metric), found[metric].T
        z_test(values[:, 0], drawn["expectation of the first fit"][0])
        curve = drawn["large n: mean share known"]
        near = np.clip(values.mean(axis=0), 0.98 * curve, 1.02 * curve)
        assert np.all(z_test(values, near) < 0.08 * curve)
        noise = detectable(values.std(axis=0), len(values))
        assert np.all(drawn["lower bound"] <= values.mean(axis=0) + noise)
        assert np.all(values.mean(axis=0) - noise <= drawn["upper bound"])
        assert np.all(drawn["lower bound"] <= curve + 1e-12)
        assert np.all(curve <= drawn["upper bound"] + 1e-12)


def test_it_generates_by_the_law_of_the_world() -> None:
    """A known input keeps the odds that it has in the world, however often it was seen."""
    arm = memoriser(Replace())
    p = simulate(arm, 20, keep=(5,)).saved[5].params["p"]
    share = (p > 0) @ ZIPF.p
    np.testing.assert_allclose(p, np.where(p > 0, ZIPF.p / share[:, None], 0.0), rtol=1e-12)


def test_refusals() -> None:
    reasons = dict(curves(memoriser(AccumulateSubsample()))[1])
    assert "whole real sample" in reasons["memoriser"]
    assert "whole real sample" in dict(curves(memoriser(Window(size=2)))[1])["memoriser"]
    other = Memoriser(inputs=CategoricalSource(symbols=300))
    assert "law of the source" in dict(curves(memoriser(Mix(), model=other))[1])["memoriser"]
