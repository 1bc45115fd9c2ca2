"""Bounds of the total variation of frequencies: above what loops have, and one above the other."""

from __future__ import annotations

import array_api_compat.numpy as xp
import numpy as np
import pytest

from recurse.metrics import View
from recurse.metrics.tv_error import TvError
from recurse.policies import Policy
from recurse.policies.accumulate import Accumulate
from recurse.policies.mix import Mix
from recurse.policies.replace import Replace
from recurse.scenario.scenario import Samples
from recurse.theory import curves
from tests.discrete_arms import WORDS, frequencies
from tests.harness import Array, simulate

ABOVE = 0.79
"""A centred normal number has ``E|x| = 0.798 sqrt(E x^2)``: the bound is that much too large."""


def lines(policy: Policy, real: int, synthetic: int) -> tuple[dict[str, Array], Array]:
    arm = frequencies(
        policy,
        source=WORDS,
        samples=Samples(real=real, synthetic=synthetic),
        metrics=(TvError(),),
        generations=30,
    )
    drawn = {c.name: c.values for c in curves(arm)[0] if c.metric == "tv_error"}
    return drawn, simulate(arm, 400)["tv_error"]


def test_the_metric() -> None:
    p, q = np.array([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5]]), np.array([[0.25, 0.5, 0.25]] * 2)
    parts = {name: {} for name in ("samples", "reference", "quantities")}
    seen = View(params={"p": p}, truth={"p": q}, **parts)
    np.testing.assert_allclose(TvError().measure(xp, seen), [0.25, 0.25])


@pytest.mark.parametrize("policy", [Replace(), Accumulate(), Mix()], ids=repr)
def test_jensen(policy: Policy) -> None:
    """Above the mean of 400 seeds, and by a quarter only where frequencies are nearly normal."""
    drawn, found = lines(policy, 200, 200)
    bound, mean = drawn["Jensen: upper bound"], found.mean(axis=1)
    error = found.std(axis=1, ddof=1) / np.sqrt(found.shape[1])
    assert np.all(mean < bound)
    assert np.all(mean[:5] > ABOVE * bound[:5] - 5 * error[:5])


@pytest.mark.parametrize("synthetic", [1, 10, 100, 1000, 100_000])
def test_the_published_rate_is_above_what_it_is_derived_from(synthetic: int) -> None:
    drawn, _ = lines(Mix(), 50, synthetic)
    assert np.all(drawn["Jensen: upper bound"] <= drawn["O(sqrt n / N): upper bound"])
    assert np.ptp(drawn["O(sqrt n / N): upper bound"]) == 0
