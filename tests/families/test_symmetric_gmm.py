"""Two opposite Gaussians: the joint likelihood's maximum, Algorithm 1, its bounds, its moments."""

from __future__ import annotations

import math
import tracemalloc
from typing import Any

import array_api_strict as strict
import numpy as np
import pytest
from recurse_numpy import NumpyRuntime
from scipy import stats

from recurse.backend import Runtime, backends
from recurse.families.symmetric_gmm import SymmetricGmm
from recurse.lowering.closed import Compiled
from recurse.metrics.deviation_above import DeviationAbove
from recurse.metrics.second_moment import SecondMoment
from recurse.numerics.streams import Streams
from recurse.policies import Policy
from recurse.policies.accumulate import Accumulate
from recurse.policies.replace import Replace
from recurse.scenario.scenario import Samples
from recurse.sources.mixture import Mixture
from recurse.theory.law import curves
from tests.gmm_arms import OPPOSITE, PAIR, opposite
from tests.harness import runtime, simulate
from tests.statistics_checks import detectable, z_test

APPROXIMATE = SymmetricGmm(estimator="approximate")
TEN = Samples(real=10, synthetic=10)
CLOSE = Mixture(form="given", means=((1.0,), (-1.0,)), deviation=1.0)


def samples(replicates: int, n: int, center: float, deviation: float) -> Any:
    rng = np.random.default_rng(11)
    sign = rng.choice([-1.0, 1.0], (replicates, n))
    return sign * center + deviation * rng.normal(size=(replicates, n))


def fitted(model: SymmetricGmm, x: Any, started: Runtime, weights: Any = None) -> dict[str, Any]:
    ones = np.ones(x.shape) if weights is None else weights
    batch = {"x": started.array(x[..., None])}
    statistics = model.statistics(started.xp, batch, started.array(ones))
    found = model.solve(Compiled(model, started), statistics, {})
    return {k: np.asarray(started.host(v)) for k, v in found.items()}


def profile(x: Any, centers: Any) -> Any:
    """The mean log-likelihood at centers ``[C]`` with the best deviation, ``s^2 = q - c^2``."""
    deviation = np.sqrt(np.mean(x**2) - centers**2)[:, None]
    far = [stats.norm.logpdf(x[None], sign * centers[:, None], deviation) for sign in (1, -1)]
    return np.mean(np.logaddexp(*far), axis=1)


@pytest.mark.parametrize("backend", backends())
def test_joint_is_the_maximum_of_the_likelihood(backend: str) -> None:
    """No center on a fine grid is more likely; samples in which only one Gaussian is seen too."""
    x = samples(200, 10, 1.0, 1.0)
    found = fitted(SymmetricGmm(), x, runtime(backend))
    for row, center in zip(x, found["center"], strict=True):
        top = np.mean(np.abs(row))
        best = profile(row, np.linspace(0.0, top, 2001)).max()
        assert profile(row, np.array([center]))[0] > best - 1e-9
    assert 0 < np.sum(found["center"] == 0.0) < 100
    squares = np.mean(x**2, axis=1)
    np.testing.assert_allclose(found["center"] ** 2 + found["deviation"] ** 2, squares, rtol=1e-12)


def test_the_cost_is_what_a_fit_takes() -> None:
    """Peak memory of the numbers beside the samples, within a factor of two and never more."""
    replicates, n = 4, 2000
    x, started = samples(replicates, n, 1.0, 1.0), runtime("numpy")
    numbers, _ = SymmetricGmm().cost(OPPOSITE, n)
    tracemalloc.start()
    fitted(SymmetricGmm(), x, started)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0.5 < peak / (8 * replicates * numbers) < 1.0


def test_narrow_samples_keep_their_digits() -> None:
    """The deviation of clusters that hardly touch is that of the sizes, to ten digits."""
    x = samples(50, 10, 1.0, 1e-6)
    found = fitted(SymmetricGmm(), x, runtime("numpy"))
    np.testing.assert_allclose(found["deviation"], np.std(np.abs(x), axis=1), rtol=1e-9)


@pytest.mark.parametrize("deviation", [0.01, 0.2, 1.0, 5.0])
def test_approximate_is_algorithm_1(deviation: float) -> None:
    """As the paper writes it, with its constant a."""
    x, n = samples(300, 10, 1.0, deviation), 10
    found = fitted(APPROXIMATE, x, runtime("numpy"))
    eta = 2.0
    constant = (eta - 1) * ((n - 1) / 2 + 4 * eta) / (eta * (n - 1) * (n + 4 * eta - 1))
    kappa = math.exp(constant) - 1
    for row, value in zip(x, found["deviation"], strict=True):
        mean, square = np.mean(np.abs(row)), np.mean(row**2)
        if square <= (1 + kappa) * mean**2:
            a = 50.0
        else:
            a = 2 * (1 + kappa) * square / (square - (1 + kappa) * mean**2)
        expected = square
        if square <= 2 * a / (a - 2) * mean**2:
            expected = a * square * (square - mean**2) / (a * mean**2 + 2 * square)
        assert abs(value**2 - expected) < 1e-9 * square


@pytest.mark.parametrize("model", [SymmetricGmm(), APPROXIMATE], ids=["joint", "approximate"])
def test_weights_count_samples(model: SymmetricGmm) -> None:
    """A weight of 2 is a sample twice, one of 0 none."""
    x = samples(40, 12, 1.5, 1.0)
    twice = np.concatenate([x[:, :8], x[:, :4]], axis=1)
    weights = np.concatenate([np.full((40, 4), 2.0), np.ones((40, 4)), np.zeros((40, 4))], axis=1)
    found = fitted(model, x, runtime("numpy"), weights)
    for name, values in fitted(model, twice, runtime("numpy")).items():
        np.testing.assert_allclose(found[name], values, rtol=1e-8)


@pytest.mark.parametrize("policy", [Replace(), Accumulate()], ids=["replace", "accumulate"])
@pytest.mark.parametrize("model", [SymmetricGmm(), APPROXIMATE], ids=["joint", "approximate"])
def test_second_moment_follows_its_law(model: SymmetricGmm, policy: Policy) -> None:
    """Level 1e-6; a share of 10 % would have been seen. The source's own is 1 + 1."""
    arm = opposite(policy, model=model, source=CLOSE, samples=TEN, metrics=(SecondMoment(),))
    curve = next(c for c in curves(arm)[0] if c.kind == "exact")
    assert np.allclose(curve.values, 2.0)
    found = simulate(arm, 6000)["second_moment"].T
    assert np.all(z_test(found, curve.values) < 0.1 * curve.values)


def test_bounds_hold() -> None:
    """The share of models above the threshold stays below either bound, at every generation."""
    arm = opposite(
        Replace(),
        model=APPROXIMATE,
        source=CLOSE,
        samples=TEN,
        generations=80,
        metrics=(DeviationAbove(threshold=0.5),),
    )
    theorem, squares = (c.values for c in curves(arm)[0] if c.metric == "deviation_above")
    k = np.arange(1, 82)
    np.testing.assert_allclose(theorem, np.minimum(np.exp(-k / 40) / 0.5, 1.0))
    assert np.all(squares <= theorem) and squares[-1] < theorem[-1]
    share = simulate(arm, 1500)["deviation_above"].mean(axis=1)
    assert np.all(share < squares + 1e-12)
    first = simulate(opposite(Replace(), model=APPROXIMATE, source=CLOSE, samples=TEN), 1)
    assert set(first["deviation_above"].ravel()) <= {0.0, 1.0}


def test_variance_of_a_fit_is_below_its_expectation_bound() -> None:
    """``E s'^2 <= (1 + kappa)(1 - 1/n) s^2``, nearly reached when the clusters are apart but wide
    enough; level 1e-6, and a share of 2 % more would have been seen."""
    x = samples(40_000, 10, 1.0, 0.5)
    variance = fitted(APPROXIMATE, x, runtime("numpy"))["deviation"] ** 2
    bound = math.exp(25 / (4 * 9 * 17)) * 0.9 * 0.25
    error = variance.std() / math.sqrt(len(variance))
    assert variance.mean() < bound + 4.8 * error
    assert variance.mean() > 0.9 * bound and detectable(variance.std(), len(variance)) < 0.02 * 0.25


def test_samples_and_density_are_those_of_the_mixture() -> None:
    params = {"center": np.full(4000, 1.5), "deviation": np.full(4000, 0.7)}
    model = SymmetricGmm()
    noise = Streams(range(4000)).draws(1, "synthetic", model.noise(OPPOSITE, 10))
    x = model.sample(runtime("numpy").xp, OPPOSITE, params, noise, {})["x"][..., 0]
    expected = [0.0, 1.5**2 + 0.49, 1.5**4 + 6 * 1.5**2 * 0.49 + 3 * 0.49**2]
    powers = np.stack([np.mean(x**power, axis=1) for power in (1, 2, 4)], axis=1)
    assert np.all(z_test(powers, expected) < [0.08, 0.12, 0.8])
    density = np.log(0.5 * (stats.norm(1.5, 0.7).pdf(x) + stats.norm(-1.5, 0.7).pdf(x)))
    found = model.evaluate(runtime("numpy").xp, OPPOSITE, params, {"x": x[..., None]})
    np.testing.assert_allclose(found, density.mean(axis=1), rtol=1e-12)


class Strict(NumpyRuntime):
    """NumPy with nothing that is not in the standard."""

    xp = strict

    def array(self, values: Any) -> Any:
        return strict.asarray(values)

    def host(self, values: Any) -> Any:
        return np.asarray(values)


def test_the_whole_family_is_in_the_standard() -> None:
    with strict.ArrayAPIStrictFlags(api_version="2024.12"):
        x = samples(3, 10, 1.0, 1.0)
        for model in (SymmetricGmm(), APPROXIMATE):
            params = {k: strict.asarray(v) for k, v in fitted(model, x, Strict()).items()}
            drawn = Streams((1, 2, 3)).draws(1, "s", model.noise(OPPOSITE, 7))
            noise = {k: strict.asarray(np.array(v)) for k, v in drawn.items()}
            batch = model.sample(strict, OPPOSITE, params, noise, {})
            assert model.evaluate(strict, OPPOSITE, params, batch).shape == (3,)


def test_refusals() -> None:
    assert "single numbers" in str(SymmetricGmm().refusal(PAIR))
    assert SymmetricGmm().refusal(OPPOSITE) is None
    row = opposite(Replace(), samples=Samples(real=1, synthetic=1)).schedule[1]
    assert SymmetricGmm().problems(OPPOSITE, row, 1)[0][1] == "E204"
    skewed = Mixture(form="given", means=((-1.0,), (1.5,)))
    uneven = Mixture(form="given", means=((-1.0,), (1.0,)), weights=(1.0, 2.0))
    cases = (
        (opposite(Replace()), "approximate estimator"),
        (opposite(Replace(), model=APPROXIMATE, source=skewed), "opposite means"),
        (opposite(Replace(), model=APPROXIMATE, source=uneven), "opposite means"),
        (opposite(Accumulate(), model=APPROXIMATE), "replace"),
    )
    for arm, words in cases:
        assert words in dict(curves(arm)[1])["suresh_mixture"]
