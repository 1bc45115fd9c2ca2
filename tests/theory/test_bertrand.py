"""The contraction of retraining: its factor, agreement with the exact moments, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from recurse.correctors.kmeans import KMeans
from recurse.correctors.oracle import Oracle
from recurse.families.gaussian import Gaussian
from recurse.policies.fresh import Fresh
from recurse.policies.mix import Mix
from recurse.scenario.scenario import Arm, Samples
from recurse.theory import curves
from recurse.theory.bertrand import factor
from tests.harness import change
from tests.theory.arms import gaussian_arm


def test_factor() -> None:
    """Both papers at lambda = 1/2; never above 1."""
    assert factor(0.5, 1.0) == pytest.approx(1 / 3)
    assert factor(1.0, 1 / (1 + 3.0)) == pytest.approx(1 / 8)
    assert factor(1e9, 1.0) < 1


def arm(ratio: float, gamma: float, estimator: str) -> Arm:
    samples = Samples(real=5, fresh=10**9, synthetic=round(ratio * 10**9))
    model = Gaussian.model_validate({"estimator": estimator})
    made = gaussian_arm(Fresh(), generations=6, model=model, samples=samples)
    return change(made, corrector=Oracle(gamma=gamma)) if gamma else made


@pytest.mark.parametrize("estimator", ["mle", "unbiased"])
@pytest.mark.parametrize("gamma", [0.0, 0.5])
@pytest.mark.parametrize("ratio", [0.25, 0.5, 1.0])
def test_the_exact_moments_have_it_as_their_limit(
    ratio: float, gamma: float, estimator: str
) -> None:
    """At n = 10^9, up to the 10^-9 that sampling adds."""
    made = arm(ratio, gamma, estimator)
    found = {(c.metric, c.name.split()[0]): c.values for c in curves(made)[0]}
    for metric in ("mean_error", "variance_ratio"):
        limit, exact = found[metric, "infinite"], found[metric, "expectation"]
        assert np.allclose(limit, exact, rtol=0, atol=1e-8)
    rate = ratio / (1 + ratio) / (1 + gamma)
    error = found["mean_error", "infinite"]
    assert np.allclose(error[1:] / error[:-1], rate**2, rtol=1e-12)
    # Over n, mean and variance together keep the true variance; over n - 1 the variance starts
    # right, takes in the error of the mean, and loses it again by the rate itself.
    missing = 1 - found["variance_ratio", "infinite"]
    expected = rate**2 if estimator == "mle" else rate
    assert missing[-1] / missing[-2] == pytest.approx(expected, rel=0.05)


def test_what_is_refused() -> None:
    for made, words in (
        (gaussian_arm(Mix()), "fresh real"),
        (change(arm(1.0, 0.0, "mle"), corrector=KMeans()), "corrected by the oracle"),
    ):
        assert words in dict(curves(made)[1])["bertrand"]
