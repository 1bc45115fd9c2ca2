"""Families with one parameter: densities, laws of their statistics, medians, and the loop's laws.

Level 1e-6 per test; the detectable effect is asserted. Both lowerings, on NumPy (the other backends
give the same numbers, see test_parity).
"""

from __future__ import annotations

from typing import Any

import array_api_compat.numpy as xp
import numpy as np
import pytest
from scipy import stats
from scipy.special import gammaln

from recurse.families.beta import Beta
from recurse.families.gaussian import Gaussian
from recurse.families.location import weighted_median
from recurse.families.one_parameter import times_log
from recurse.families.poisson import log_factorial
from recurse.families.roles import Conditional
from recurse.lowering.decision import decide
from recurse.metrics.alive import Alive
from recurse.metrics.deviation_above import DeviationAbove
from recurse.numerics.streams import Streams
from recurse.policies import Policy
from recurse.policies.accumulate import Accumulate
from recurse.policies.accumulate_subsample import AccumulateSubsample
from recurse.policies.fresh import Fresh
from recurse.policies.mix import Mix
from recurse.policies.replace import Replace
from recurse.scenario.scenario import Arm, Samples
from recurse.sources.bernoulli import BernoulliSource
from recurse.sources.gaussian import GaussianSource
from recurse.sources.poisson import PoissonSource
from recurse.theory.law import curves
from tests.closed_arms import normal
from tests.harness import Array, change, simulate
from tests.scalar_arms import LAWS, MEDIAN, MODELS, scalar
from tests.statistics_checks import z_test

R = 6_000
FROZEN: dict[str, Any] = {
    "poisson": stats.poisson(2.5),
    "bernoulli": stats.bernoulli(0.3),
    "exponential": stats.expon(scale=1.7),
    "beta": stats.beta(0.8, 1),
    "location": stats.norm(-1.0, 2.0),
}
SUMS: dict[str, Any] = {
    "poisson": lambda n: stats.poisson(2.5 * n),
    "bernoulli": lambda n: stats.binom(n, 0.3),
    "exponential": lambda n: stats.gamma(n, scale=1.7),
    "beta": lambda n: stats.gamma(n, scale=1 / 0.8),
    "location": lambda n: stats.norm(-n, 2 * np.sqrt(n)),
}
"""The law of the summed statistic of n samples."""


def drawn(kind: str, n: int, seeds: range) -> tuple[Array, Array]:
    """Samples ``[R, n]`` of the true model, and totals ``[R]`` from their own law."""
    model, source, streams = MODELS[kind], LAWS[kind], Streams(seeds)
    truth = source.truth(streams)
    noise: dict[str, Any] = dict(streams.draws(1, "a", model.noise(source, n)))
    if isinstance(model, Conditional):
        noise |= streams.given(1, "a", model.given_samples(source, n, truth, {}))
    batch = model.sample(xp, source, truth, noise, {})
    noise = dict(streams.draws(1, "b", model.statistics_noise(source, n)))
    if isinstance(model, Conditional):
        noise |= streams.given(1, "b", model.given(source, n, truth))
    statistics = model.sample_statistics(xp, source, n, truth, noise, {})
    return batch["x"][..., 0], statistics["total"]


@pytest.mark.parametrize("kind", MODELS)
def test_samples_and_sums_have_their_law(kind: str) -> None:
    """Kolmogorov-Smirnov bands at 1e-6: 6 % in probability for sums, 3 % for samples."""
    for n in (1, 4, 30):
        x, total = drawn(kind, n, range(R))
        real = LAWS[kind].draw(Streams(range(R, 2 * R)), 0, "real", 4)["x"][..., 0]
        for values, law in ((x, FROZEN[kind]), (real, FROZEN[kind]), (total, SUMS[kind](n))):
            points = np.unique(np.quantile(values, np.linspace(0.01, 0.99, 50)))
            shares = (values.reshape(-1)[:, None] <= points).mean(axis=0)
            band = np.sqrt(np.log(2 / 1e-6) / (2 * values.size))
            assert band < 0.06 and np.abs(shares - law.cdf(points)).max() < band
        summed = MODELS[kind].statistics(xp, {"x": x[..., None]}, np.ones((R, n)))["total"]
        for sums in (total, summed):
            centred = sums - SUMS[kind](n).mean()
            unit = SUMS[kind](n).std()
            assert z_test(centred, 0.0) < 0.15 * unit
            assert z_test(centred**2, unit**2) < 0.5 * unit**2


@pytest.mark.parametrize("kind", MODELS)
def test_log_density(kind: str) -> None:
    streams = Streams((0, 1, 2))
    data, truth = LAWS[kind].draw(streams, 0, "heldout", 25), LAWS[kind].truth(streams)
    found = MODELS[kind].evaluate(xp, LAWS[kind], truth, data)
    x, law = data["x"][..., 0], FROZEN[kind]
    expected = law.logpmf(x) if kind in ("poisson", "bernoulli") else law.logpdf(x)
    np.testing.assert_allclose(found, expected.mean(axis=1), rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("kind", ["poisson", "bernoulli"])
def test_a_dead_model_gives_no_chance_to_a_one(kind: str) -> None:
    dead, x = {"theta": np.zeros(2)}, np.array([[[0.0], [0.0]], [[0.0], [1.0]]])
    found = MODELS[kind].evaluate(xp, LAWS[kind], dead, {"x": x})
    np.testing.assert_allclose(found, [0.0, -np.inf], atol=1e-13)


def test_special_functions() -> None:
    x = np.array([0.0, 1.0, 2.0, 7.0, 30.0, 1e4, 1e9])
    np.testing.assert_allclose(log_factorial(xp, x), gammaln(x + 1), rtol=1e-13, atol=1e-13)
    zero, two = np.zeros(1), np.full(1, 2.0)
    assert times_log(xp, zero, zero)[0] == 0.0 and times_log(xp, two, zero)[0] == -np.inf
    assert times_log(xp, two, two)[0] == pytest.approx(2 * np.log(2))


@pytest.mark.parametrize("n", [1, 2, 7, 10])
def test_weighted_median(n: int) -> None:
    """Whole weights repeat a sample; weight zero leaves it out; the scale of weights is nothing."""
    rng = np.random.default_rng(n)
    x, weights = rng.normal(size=(40, n)), rng.integers(0, 4, size=(40, n))
    weights[:, 0] += 1
    found = weighted_median(xp, x, weights.astype(float))
    expected = [np.median(np.repeat(a, w)) for a, w in zip(x, weights, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    np.testing.assert_array_equal(weighted_median(xp, x, 4.0 * weights), found)
    ones = weighted_median(xp, x, np.ones((40, n)))
    np.testing.assert_allclose(ones, np.median(x, axis=1), rtol=1e-14)


def test_a_beta_sample_that_underflows_breaks_its_replicate() -> None:
    batch = {"x": np.array([[[0.5], [0.2]], [[0.5], [0.0]]])}
    theta = Beta().estimate(xp, Beta().statistics(xp, batch, np.ones((2, 2))))["theta"]
    assert np.isfinite(theta).tolist() == [True, False]
    assert theta[0] == pytest.approx(-2 / np.log(0.1))
    unused = Beta().statistics(xp, batch, np.array([[1.0, 1.0], [1.0, 0.0]]))
    assert np.isfinite(unused["total"]).all()


TEN = Samples(real=10, synthetic=10, fresh=6)
RULES: dict[str, Policy] = {
    "replace": Replace(),
    "accumulate": Accumulate(),
    "subsample": AccumulateSubsample(),
    "mix": Mix(),
    "fresh": Fresh(),
}
CASES: dict[str, Arm] = {
    **{
        f"{kind} {name}": scalar(kind, policy, samples=TEN, generations=6)
        for kind in MODELS
        for name, policy in RULES.items()
        if kind != "beta" or name in ("replace", "accumulate")
    },
}


def sample(arm: Arm, replicates: int, exact: bool) -> dict[str, Array]:
    """Every metric ``[R, G+1]``."""
    found = simulate(arm, replicates, exact)
    return {metric: found[metric].T for metric in found.metrics}


@pytest.mark.parametrize("name", CASES)
def test_the_error_follows_its_exact_curve(name: str) -> None:
    arm = CASES[name]
    expected = [c for c in curves(arm)[0] if c.name == "expectation"]
    assert [(c.metric, c.kind) for c in expected] == [("parameter_error", "exact")]
    for exact, replicates in ((True, 8_000), (False, 3_000)):
        if exact and decide(arm).lowering == "samples":
            continue
        found = sample(arm, replicates, exact)["parameter_error"]
        assert np.isfinite(found).all()
        shift = z_test(found, expected[0].values)
        assert np.all(shift < (0.4 if name.startswith("exp") else 0.3) * found.std(axis=0) + 1e-9)


BY_HAND = {
    "poisson replace": 2.5 / 10 * np.arange(1, 6),
    "poisson accumulate": 2.5 / 10 * np.cumsum(1 / np.arange(1, 6) ** 2),
    "bernoulli replace": 0.21 * (1 - 0.9 ** np.arange(1, 6)),
    "bernoulli accumulate": 0.21 * (1 - np.cumprod(1 - 0.1 / np.arange(1, 6) ** 2)),
    "exponential replace": 1.7**2 * (1.1 ** np.arange(1, 6) - 1),
    "exponential accumulate": 1.7**2 * (np.cumprod(1 + 0.1 / np.arange(1, 6) ** 2) - 1),
    "location replace": 4 / 10 * np.arange(1, 6),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_error_worked_out_by_hand(name: str) -> None:
    (curve,) = [c for c in curves(CASES[name])[0] if c.name == "expectation"]
    np.testing.assert_allclose(curve.values[:5], BY_HAND[name], rtol=1e-12)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("poisson", {"source": PoissonSource(rate=0.4), "samples": Samples(real=5, synthetic=5)}),
        ("bernoulli", {"source": BernoulliSource(p=0.1), "samples": Samples(real=9, synthetic=9)}),
    ],
)
@pytest.mark.parametrize("policy", [Replace(), Accumulate()], ids=repr)
def test_survival(kind: str, fields: dict[str, Any], policy: Policy) -> None:
    """Detectable: 4 % in probability at 8000 replicates, 7 % at 3000."""
    arm = scalar(kind, policy, metrics=(Alive(),), generations=12, **fields)
    alive = [c for c in curves(arm)[0] if c.metric == "alive"]
    (curve,) = [c for c in alive if c.name.startswith("expectation")]
    assert curve.kind == "exact"
    for exact, replicates, effect in ((True, 8_000, 0.05), (False, 3_000, 0.08)):
        found = sample(arm, replicates, exact)["alive"]
        assert np.all(z_test(found, curve.values) < effect)


def test_bernoulli_bounds_hold_the_chain() -> None:
    arm = scalar("bernoulli", Replace(), source=BernoulliSource(p=0.001), generations=30)
    found = {c.name.split()[0]: c.values for c in curves(arm)[0] if c.metric == "alive"}
    assert np.all(found["lower"] <= found["expectation:"] + 1e-12)
    assert np.all(found["expectation:"] <= found["upper"] + 1e-12)
    assert np.all(found["upper"] - found["lower"] < 0.12)


def test_spread_of_a_gaussian() -> None:
    """Below every bound, and near the normal law of ``log sigma``: within 3 % for 10 samples."""
    line, threshold = GaussianSource(covariance=((4.0,),)), 0.5
    arm = normal(
        Replace(),
        source=line,
        model=Gaussian(estimator="unbiased"),
        samples=Samples(real=10, synthetic=10),
        metrics=(DeviationAbove(threshold=threshold),),
        generations=60,
    )
    found = sample(arm, 8_000, True)["deviation_above"]
    drawn_curves = [c for c in curves(arm)[0] if c.metric == "deviation_above"]
    assert [c.kind for c in drawn_curves] == ["bound"] * 3 + ["asymptotic"]
    error = found.std(axis=0) / np.sqrt(len(found))
    for curve in drawn_curves[:3]:
        assert np.all(found.mean(axis=0) <= curve.values + 5 * error)
    assert np.all(np.abs(found.mean(axis=0) - drawn_curves[3].values) < 0.03)


def test_medians_inflate_as_dey_and_donoho_say() -> None:
    """Ratios of mean squared errors to the first after 5 fits, within 15 %: t, H2_t and V_t."""
    factors = {Replace: 5.0, Accumulate: 1.46361, AccumulateSubsample: 2.3908}
    samples = Samples(real=101, synthetic=101)
    for policy, factor in factors.items():
        arm = scalar("location", policy(), model=MEDIAN, samples=samples, generations=4)
        (law,) = [c for c in curves(arm)[0] if c.name.startswith("large n:")]
        first = np.pi / 2 * 4 / 101
        np.testing.assert_allclose(law.values[[0, 4]], [first, first * factor], rtol=1e-4)
        found = sample(change(arm, backend="numpy"), 3_000, False)["parameter_error"]
        ratio = found[:, 4].mean() / found[:, 0].mean()
        assert abs(ratio / factor - 1) < 0.15
