"""The golden ratio: closed values, agreement with the exact moments at large n, and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from recurse.policies import Policy
from recurse.policies.fresh import Fresh
from recurse.policies.memory import Memory
from recurse.policies.mix import Mix
from recurse.policies.weighted_fresh import WeightedFresh
from recurse.samplers.bias import Bias
from recurse.scenario.scenario import Arm, Samples
from recurse.theory import Curve, curves
from tests.theory.arms import gaussian_arm

GOLDEN = (5**0.5 - 1) / 2


def arm(policy: Policy, n: int, m: int, generations: int = 40) -> Arm:
    return gaussian_arm(
        policy, generations=generations, samples=Samples(real=50, synthetic=m, fresh=n)
    )


def named(arm: Arm, name: str) -> Curve:
    (found,) = [c for c in curves(arm)[0] if c.metric == "mean_error" and c.name.startswith(name)]
    return found


def test_values_of_the_paper() -> None:
    """n MSE: 0.618 with the best weight, 2/3 pooled; 0.270 at k = 0.1; 1 with real data alone."""
    best, pooled = arm(WeightedFresh(), 100, 100), arm(Fresh(), 100, 100)
    assert np.allclose(100 * named(best, "steady").values, GOLDEN, rtol=0, atol=1e-14)
    assert np.allclose(100 * named(best, "least").values, GOLDEN, rtol=0, atol=1e-14)
    assert np.allclose(100 * named(pooled, "steady").values, 2 / 3, rtol=0, atol=1e-14)
    tenth = named(arm(WeightedFresh(), 100, 1000), "steady")
    assert np.allclose(100 * tenth.values, 0.2702, rtol=0, atol=5e-5)
    assert {c.kind for c in curves(best)[0] if c.cite.startswith("He")} == {"asymptotic"}


@pytest.mark.parametrize("w", [0.2, 0.5, "optimal", 0.9])
def test_the_exact_moments_tend_to_it(w: float) -> None:
    """Transient to 2 % (a first model of 50 samples lacks that much spread), limit to 1e-4."""
    one = arm(WeightedFresh(w=w), 10**5, 2 * 10**5, 200)
    exact = named(one, "expect").values
    assert np.allclose(exact, named(one, "large n").values, rtol=0.02, atol=0)
    assert abs(exact[-1] / named(one, "steady").values[-1] - 1) < 1e-4


@pytest.mark.parametrize("policy", [Mix(), Memory(size=2)], ids=repr)
def test_other_mixtures_are_refused(policy: Policy) -> None:
    assert "counts and weights" in dict(curves(arm(policy, 100, 100))[1])["he"]


def test_a_bias_is_refused() -> None:
    biased = arm(Fresh(), 100, 100).model_copy(
        update={"sampler": Bias.model_validate({"lambda": 0.5})}
    )
    assert "as the model draws them" in dict(curves(biased)[1])["he"]
