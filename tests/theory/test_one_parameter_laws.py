"""Laws of one-parameter families: numbers of the papers, limits, and why a law is left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta, gamma, norm

from recurse.correctors.oracle import Oracle
from recurse.families.gaussian import Gaussian
from recurse.metrics.deviation_above import DeviationAbove
from recurse.policies.accumulate import Accumulate
from recurse.policies.accumulate_subsample import AccumulateSubsample
from recurse.policies.mix import Mix
from recurse.policies.replace import Replace
from recurse.scenario.scenario import Arm, Samples
from recurse.sources.bernoulli import BernoulliSource
from recurse.sources.beta import BetaSource
from recurse.sources.gaussian import GaussianSource
from recurse.sources.poisson import PoissonSource
from recurse.theory.beta_factors import factors
from recurse.theory.dey_donoho import subsample_factor
from recurse.theory.law import curves
from recurse.theory.median import variance
from recurse.theory.workflow import Workflow
from tests.harness import simulate
from tests.scalar_arms import MEDIAN, scalar
from tests.statistics_checks import z_test
from tests.theory.arms import gaussian_arm

TEN = Samples(real=10, synthetic=10)


def named(arm: Arm, start: str, metric: str) -> Any:
    """The values of the one curve of a metric whose name starts so."""
    (found,) = [c for c in curves(arm)[0] if c.metric == metric and c.name.startswith(start)]
    return found.values


def test_survival_of_the_paper() -> None:
    """theory.md sections 0.4 and 6; its k is our generation + 1."""
    poisson = scalar(
        "poisson", Replace(), source=PoissonSource(rate=1), samples=TEN, generations=49
    )
    assert abs(named(poisson, "expectation: 1", "alive")[49] - 0.31871) < 5e-6
    rare = scalar(
        "bernoulli",
        Replace(),
        source=BernoulliSource(p=0.001),
        samples=Samples(real=10_000, synthetic=10_000),
        generations=49,
    )
    lower, upper = named(rare, "lower", "alive"), named(rare, "upper", "alive")
    np.testing.assert_allclose(lower[[9, 49]], [0.8214, 0.3187], atol=5e-5)
    np.testing.assert_allclose(upper[[9, 49]], [0.8321, 0.4413], atol=5e-5)
    assert not [c for c in curves(rare)[0] if c.name.startswith("expectation: chain")]


def test_spread_of_the_paper() -> None:
    """theory.md section 6: n = 10, threshold a tenth of sigma."""
    arm = gaussian_arm(Replace(), 10, 199, model=Gaussian(estimator="unbiased"))
    arm = arm.model_copy(update={"metrics": (DeviationAbove(threshold=0.1),)})
    at = [19, 49, 99, 199]
    walk = named(arm, "large k", "deviation_above")[at]
    np.testing.assert_allclose(walk, [0.8489, 0.3716, 0.0828, 0.0045], atol=5e-5)
    for start, value in (("Theorem 3", 0.770), ("Bertrand", 0.625), ("Chernoff", 0.391)):
        assert abs(named(arm, start, "deviation_above")[99] - value) < 5e-4


def test_dey_donoho_factors() -> None:
    """theory.md section 0.2."""
    found = subsample_factor(100)[[1, 2, 4, 9, 19, 49, 99]]
    expected = [1.75, 2.0833, 2.3908, 2.6493, 2.7885, 2.8754, 2.9050]
    np.testing.assert_allclose(found, expected, atol=5e-5)


@pytest.mark.parametrize("n", [3, 20])
@pytest.mark.parametrize("t", [2, 9])
def test_beta_factors_are_the_integrals(n: int, t: int) -> None:
    first, second = factors(Workflow("accumulate", n), t)
    for power, found in ((1, first[-1]), (2, second[-1])):
        expected, _ = quad(
            lambda g, power=power: (t / (t - 1 + g / n)) ** power * gamma.pdf(g, n), 0, np.inf
        )
        assert abs(found / expected - 1) < 1e-6


@pytest.mark.parametrize("alpha", [1.0, 0.1])
def test_the_ratio_of_beta_errors_knows_no_theta(alpha: float) -> None:
    """1.29 for n = 50 after 100 fits (ratio of mean errors), not 3.27 for alpha = 0.1."""
    arm = scalar(
        "beta",
        Accumulate(),
        source=BetaSource(alpha=alpha),
        samples=Samples(real=50, synthetic=50),
        generations=99,
    )
    error = named(arm, "expectation", "parameter_error")
    assert abs(error[99] / error[0] - 1.67968) < 1e-4
    assert abs(error[0] / alpha**2 - (2500 / (49 * 48) - 100 / 49 + 1)) < 1e-12


@pytest.mark.parametrize("n", [1, 3, 5, 41])
def test_the_variance_of_a_median_is_its_integral(n: int) -> None:
    half = (n + 1) / 2
    expected, _ = quad(lambda x: x**2 * norm.pdf(x) * beta.pdf(norm.cdf(x), half, half), -12, 12)
    assert abs(variance(n) / expected - 1) < 1e-9


@pytest.mark.parametrize("n", [3, 21])
def test_medians_under_replace(n: int) -> None:
    """Level 1e-6; a shift of 15 % would have been seen."""
    counts = Samples(real=n, synthetic=n)
    arm = scalar("location", Replace(), model=MEDIAN, samples=counts, generations=5)
    expected = named(arm, "expectation (median)", "parameter_error")
    found = np.concatenate(
        [simulate(arm, range(k, k + 2_000))["parameter_error"] for k in range(0, 8_000, 2_000)],
        axis=1,
    )
    assert np.all(z_test(found.T, expected) < 0.15 * expected)


def test_accumulated_errors_stay_below_their_limit() -> None:
    for kind in ("poisson", "bernoulli", "location"):
        arm = scalar(kind, Accumulate(), samples=TEN, generations=300)
        error = named(arm, "expectation", "parameter_error")
        limit = named(arm, "upper bound", "parameter_error")
        assert np.all(error < limit) and np.all(np.diff(error) > 0)
        closed = "sum" if kind != "bernoulli" else "product"
        np.testing.assert_allclose(named(arm, closed, "parameter_error"), error, rtol=1e-10)


REFUSED: dict[str, tuple[Arm, dict[str, str]]] = {
    "median": (scalar("location", Replace(), model=MEDIAN), {"natural_mean": "median"}),
    "even median": (scalar("location", Replace(), model=MEDIAN), {"median": "odd numbers"}),
    "pooled median": (scalar("location", Accumulate(), model=MEDIAN), {"median": "one model"}),
    "unequal counts": (
        scalar("poisson", Replace(), samples=Samples(real=10, synthetic=20)),
        {"survival": "equal counts", "dey_donoho": "equal counts"},
    ),
    "subsample": (
        scalar("beta", AccumulateSubsample()),
        {"beta_factors": "replace and accumulate"},
    ),
    "mix": (scalar("bernoulli", Mix()), {"survival": "replace and accumulate"}),
    "oracle": (
        scalar("beta", Replace(), corrector=Oracle(gamma=1.0)),
        {"beta_factors": "uncorrected", "dey_donoho": "uncorrected"},
    ),
    "oracle of counts": (
        scalar("poisson", Replace(), corrector=Oracle(gamma=1.0)),
        {"survival": "uncorrected"},
    ),
    "two samples": (
        scalar("beta", Replace(), samples=Samples(real=2, synthetic=2)),
        {"beta_factors": "infinite with 2"},
    ),
    "mle spread": (gaussian_arm(Replace()), {"suresh_gaussian": "unbiased"}),
    "two dimensions": (
        gaussian_arm(Replace(), source=GaussianSource(dim=2), model=Gaussian(estimator="unbiased")),
        {"suresh_gaussian": "one dimension"},
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_condition_gives_its_reason(case: str) -> None:
    arm, expected = REFUSED[case]
    refused = dict(curves(arm)[1])
    for law, words in expected.items():
        assert words in refused[law]
