"""The fixed point of the fresh data loop: table, limit of the exact moments, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from recurse.correctors.oracle import Oracle
from recurse.families.gaussian import Gaussian
from recurse.policies import Policy
from recurse.policies.fresh import Fresh
from recurse.policies.mix import Mix
from recurse.policies.weighted_fresh import WeightedFresh
from recurse.samplers.bias import Bias
from recurse.scenario.scenario import Arm, Samples
from recurse.theory import curves
from recurse.theory.mad import settled
from tests.theory.arms import gaussian_arm

TABLE = [
    (50, 150, 0.8, 0.00717, 0.6284),
    (100, 900, 1.0, 0.005286, 1.0048),
    (100, 900, 0.8, 0.001882, 0.358),
]
"""theory.md 0.4 and 8d: n_r, n_s, lambda, m, s."""


@pytest.mark.parametrize(("real", "synthetic", "bias", "m", "s"), TABLE)
def test_table(real: int, synthetic: int, bias: float, m: float, s: float) -> None:
    found = settled(real, synthetic, bias, unbiased=True)
    assert found == pytest.approx((m, s), rel=2e-3)


def test_effective_size() -> None:
    """Without bias the fixed point is worth (n_r + 2 n_s)/(n_r + n_s) < 2 times the fresh data."""
    for synthetic in (10_000, 100_000, 1_000_000):
        m, s = settled(10_000, synthetic, 1.0, unbiased=True)
        assert 1 / (m * 10_000) == pytest.approx(1 + synthetic / (10_000 + synthetic), rel=1e-3)
        assert s == pytest.approx(1, abs=1e-3)


def arm(policy: Policy, bias: float, model: Gaussian, real: int = 30) -> Arm:
    samples = Samples(real=real, synthetic=60, fresh=20)
    made = gaussian_arm(policy, generations=300, model=model, samples=samples)
    sampler = Bias.model_validate({"lambda": bias})
    return made.model_copy(update={"sampler": sampler}) if bias < 1 else made


@pytest.mark.parametrize("estimator", ["mle", "unbiased"])
@pytest.mark.parametrize("bias", [1.0, 0.7, 0.0])
def test_the_exact_moments_settle_there(bias: float, estimator: str) -> None:
    """Whatever the first sample."""
    for real in (5, 500):
        made = arm(Fresh(), bias, Gaussian.model_validate({"estimator": estimator}), real)
        found = {(c.metric, c.name.split()[0]): c.values for c in curves(made)[0]}
        for metric in ("mean_error", "variance_ratio"):
            limit, exact = found[metric, "many"], found[metric, "expectation"]
            assert np.all(limit == limit[0])
            assert exact[-1] == pytest.approx(limit[0], rel=1e-9)


def test_what_is_refused() -> None:
    for made, words in (
        (arm(Mix(), 1.0, Gaussian()), "same counts"),
        (arm(WeightedFresh(w=0.5), 1.0, Gaussian()), "same counts"),
        (
            arm(Fresh(), 0.5, Gaussian()).model_copy(update={"corrector": Oracle(gamma=1.0)}),
            "uncorrected",
        ),
    ):
        assert words in dict(curves(made)[1])["mad"]
