"""Laplace models: their law and density, the median as their fit, what they are fitted to."""

from __future__ import annotations

import array_api_compat.numpy as xp
import numpy as np
from scipy import stats

from recurse.families.laplace import Laplace
from recurse.numerics.streams import Streams
from recurse.sources.gaussian import GaussianSource
from recurse.sources.location import LocationSource
from tests.statistics_checks import LEVEL

MODEL, SOURCE = Laplace(width=0.7), LocationSource(scale=2.0)
LAW = stats.laplace(1.5, 0.7)


def test_samples_have_the_law() -> None:
    """Kolmogorov and Smirnov on 20,000 numbers; a width 3 % off would be seen."""
    drawn = Streams((0,)).draws(1, "s", MODEL.noise(SOURCE, 20_000))
    x = MODEL.sample(xp, SOURCE, {"theta": np.array([1.5])}, drawn, {})["x"]
    assert x.shape == (1, 20_000, 1)
    assert stats.kstest(x.ravel(), LAW.cdf).pvalue > LEVEL
    assert stats.kstest(x.ravel(), stats.laplace(1.5, 0.7 * 1.2).cdf).pvalue < LEVEL


def test_the_end_of_the_uniform_numbers_is_finite() -> None:
    noise = {"u": np.array([[0.0, 0.5, 1.0 - 2.0**-53]])}
    x = MODEL.sample(xp, SOURCE, {"theta": np.zeros(1)}, noise, {})["x"].ravel()
    assert np.isfinite(x).all() and x[0] < x[1] == 0.0 < x[2]


def test_density_and_fit() -> None:
    x = np.random.default_rng(3).normal(size=(2, 31, 1))
    params = {"theta": np.array([1.5, 1.5])}
    found = MODEL.evaluate(xp, SOURCE, params, {"x": x})
    np.testing.assert_allclose(found, LAW.logpdf(x[..., 0]).mean(axis=1), rtol=1e-12)
    fitted = MODEL.estimate(xp, MODEL.statistics(xp, {"x": x}, np.ones((2, 31))))
    np.testing.assert_array_equal(fitted["theta"], np.median(x[..., 0], axis=1))
    shifts = [{"theta": fitted["theta"] + d} for d in (-1e-3, 0.0, 1e-3)]
    near = [MODEL.evaluate(xp, SOURCE, params, {"x": x}) for params in shifts]
    assert (near[1] >= near[0]).all() and (near[1] >= near[2]).all()


def test_what_it_is_fitted_to() -> None:
    assert MODEL.refusal(SOURCE) is None
    assert "numbers around a center" in str(MODEL.refusal(GaussianSource(dim=1)))
