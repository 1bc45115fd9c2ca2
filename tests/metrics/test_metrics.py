"""Metrics against slow, plain formulas, and what they refuse."""

from __future__ import annotations

from typing import Any

import array_api_compat.numpy as xp
import array_api_strict as strict
import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.stats import wishart as wishart_law

from recurse.families.gaussian import Gaussian
from recurse.families.kde import Kde
from recurse.families.linear import Linear
from recurse.families.vae import Vae
from recurse.judges.rewards import Nearness
from recurse.metrics import Metric, View
from recurse.metrics.diversity import Diversity
from recurse.metrics.elbo import Elbo
from recurse.metrics.excess_risk import ExcessRisk
from recurse.metrics.frechet import Frechet
from recurse.metrics.log_spread import LogSpread
from recurse.metrics.mean_error import MeanError
from recurse.metrics.mode_coverage import ModeCoverage
from recurse.metrics.mode_kl import ModeKl
from recurse.metrics.normals import squared_w2
from recurse.metrics.point_reward import PointReward
from recurse.metrics.test_nll import HeldoutNll
from recurse.metrics.variance_ratio import VarianceRatio
from recurse.metrics.w2 import W2
from recurse.numerics.streams import Streams
from recurse.sources.circles import Circles
from recurse.sources.digits import Digits
from recurse.sources.linear_regression import LinearRegression
from recurse.sources.mixture import Mixture
from recurse.sources.moons import Moons
from recurse.sources.swiss_roll import SwissRoll
from recurse.spec import kinds
from tests.closed_arms import SKEW

RNG = np.random.default_rng(5)


def normals(replicates: int, dim: int) -> tuple[Any, Any]:
    covariance = wishart_law(dim + 2, np.eye(dim)).rvs(replicates, random_state=RNG)
    return RNG.normal(size=(replicates, dim)), covariance.reshape(replicates, dim, dim)


def plain_w2(m: Any, s: Any, m0: Any, s0: Any) -> float:
    """Dowson & Landau 1982, with matrix square roots."""
    root = sqrtm(s0)
    cross = sqrtm(root @ s @ root)
    return float(np.sum((m - m0) ** 2) + np.trace(s + s0 - 2 * np.real(cross)))


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_squared_w2(dim: int) -> None:
    (m, s), (m0, s0) = normals(4, dim), normals(4, dim)
    found = squared_w2(xp, m, s, m0, s0)
    expected = [plain_w2(*four) for four in zip(m, s, m0, s0, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-7)
    np.testing.assert_allclose(squared_w2(xp, m, s, m, s), 0.0, atol=1e-12)


def test_squared_w2_of_a_collapsed_model() -> None:
    """A point has distance ``|m - m0|^2 + tr S0``."""
    (m, _), (m0, s0) = normals(3, 4), normals(3, 4)
    found = squared_w2(xp, m, np.zeros((3, 4, 4)), m0, s0)
    expected = np.sum((m - m0) ** 2, axis=1) + np.trace(s0, axis1=1, axis2=2)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def view(**parts: Any) -> View:
    empty: dict[str, Any] = {
        name: {} for name in ("params", "truth", "samples", "reference", "quantities")
    }
    return View(**{**empty, **parts})


def test_parameter_metrics() -> None:
    (m, s), (m0, s0) = normals(3, 4), normals(3, 4)
    seen = view(params={"mean": m, "covariance": s}, truth={"mean": m0, "covariance": s0})
    assert np.allclose(MeanError().measure(xp, seen), ((m - m0) ** 2).sum(axis=1))
    ratio = np.trace(s, axis1=1, axis2=2) / np.trace(s0, axis1=1, axis2=2)
    assert np.allclose(VarianceRatio().measure(xp, seen), ratio)
    assert np.allclose(W2().measure(xp, seen), squared_w2(xp, m, s, m0, s0))
    volume = np.linalg.slogdet(s)[1] - np.linalg.slogdet(s0)[1]
    assert np.allclose(LogSpread().measure(xp, seen), volume / (2 * 4))
    variance = np.diagonal(s0, axis1=1, axis2=2)
    risk = view(params={"coef": m}, truth={"coef": m0, "variance": variance})
    expected = np.einsum("ri,ri,ri->r", m - m0, variance, m - m0)
    assert np.allclose(ExcessRisk().measure(xp, risk), expected)


def test_sample_metrics() -> None:
    x, real = (
        RNG.normal(size=(2, 200, 6)) @ np.diag([5, 4, 3, 0.1, 0.1, 0.1]),
        RNG.normal(size=(150, 6)) * [5, 4, 3, 0.1, 0.1, 0.1],
    )
    seen = view(samples={"x": x}, reference={"x": real})
    pairs = np.linalg.norm(x[:, :100] - x[:, 100:], axis=2).mean(axis=1)
    assert np.allclose(Diversity().measure(xp, seen), pairs)
    raw = Frechet(features="raw").measure(xp, seen)
    whole = Frechet(components=6).measure(xp, seen)
    few = Frechet(components=3).measure(xp, seen)
    expected = [
        plain_w2(own.mean(axis=0), np.cov(own.T), real.mean(axis=0), np.cov(real.T)) for own in x
    ]
    np.testing.assert_allclose(raw, expected, rtol=1e-6)
    np.testing.assert_allclose(whole, raw, rtol=1e-9)
    axes = np.linalg.eigh(np.cov(real.T))[1][:, -3:]
    expected = [
        plain_w2(
            (own @ axes).mean(0),
            np.cov((own @ axes).T),
            (real @ axes).mean(0),
            np.cov((real @ axes).T),
        )
        for own in x
    ]
    np.testing.assert_allclose(few, expected, rtol=1e-6)


OWN = [
    Frechet(samples=50),
    Frechet(samples=50, features="raw"),
    Diversity(samples=50),
    ModeCoverage(samples=50, least=0.9),
    ModeKl(samples=50),
    PointReward(samples=50, nearness=Nearness(target=(0.0, 2.0))),
]


@pytest.mark.parametrize("metric", OWN, ids=repr)
def test_a_metric_looks_at_its_own_number_of_samples(metric: Metric) -> None:
    """However many another metric asks for: the first ones."""
    source, streams = Mixture(), Streams(range(3))
    few, many = (source.draw(streams, 0, "samples", 400)["x"][:, :n] for n in (50, 400))
    parts = {"truth": source.truth(streams), "reference": {"x": few[0] + 0.1}}
    alone, beside = (
        metric.measure(strict, strict_view(view(samples={"x": x}, **parts))) for x in (few, many)
    )
    assert np.array_equal(np.asarray(alone), np.asarray(beside))
    other = metric.measure(xp, view(samples={"x": many[:, 50:]}, **parts))
    assert not np.array_equal(np.asarray(alone), other)


def strict_view(seen: View) -> View:
    """The same with arrays of array-api-strict."""
    parts = ("params", "truth", "samples", "reference", "quantities")
    put = {p: {k: strict.asarray(v) for k, v in getattr(seen, p).items()} for p in parts}
    return View(**put)


def test_quantities_pass_through() -> None:
    seen = view(quantities={"log_prob": np.array([1.0, -2.0]), "elbo": np.array([3.0])})
    assert HeldoutNll().measure(xp, seen).tolist() == [-1.0, 2.0]
    assert Elbo().measure(xp, seen).tolist() == [3.0]


REGRESSION = LinearRegression(dim=3)
SERVED: dict[str, list[tuple[Any, Any]]] = {
    "alive": [],
    "contexts_left": [],
    "coefficient_error": [(REGRESSION, Linear())],
    "degenerate": [],
    "effective_rank": [],
    "mean_square": [],
    "posterior_kl": [],
    "deviation_above": [],
    "entropy": [],
    "hallucinated": [(SKEW, Gaussian())],
    "heterozygosity": [],
    "l2_error": [],
    "missing_mass": [],
    "parameter_error": [],
    "uncollapsed": [],
    "unique": [],
    "mode_coverage": [],
    "mode_kl": [],
    "point_reward": [],
    "diversity": [(SKEW, Gaussian()), (Digits(), Vae())],
    "elbo": [(Digits(), Vae())],
    "excess_risk": [(REGRESSION, Linear())],
    "fisher_error": [],
    "frechet": [(SKEW, Gaussian()), (Digits(), Vae())],
    "latent_spread": [(Digits(), Vae())],
    "log_spread": [(SKEW, Gaussian())],
    "mean_error": [(SKEW, Gaussian())],
    "ridge_risk": [],
    "second_moment": [(Moons(), Kde())],
    "reward": [],
    "sign_accuracy": [(REGRESSION, Linear())],
    "test_loss": [],
    "test_nll": [(SKEW, Gaussian()), (REGRESSION, Linear())],
    "tail_kept": [(SKEW, Gaussian())],
    "total_variation": [(SKEW, Kde())],
    "tv_error": [],
    "variance_ratio": [(SKEW, Gaussian())],
    "w2": [(SKEW, Gaussian())],
}


@pytest.mark.parametrize("name", kinds("metric"))
def test_refusals(name: str) -> None:
    """Exactly the pairs of source and family listed are served; the reason is a sentence."""
    metric = kinds("metric")[name].model_validate({"kind": name})
    assert isinstance(metric, Metric) and metric.label
    pairs: list[tuple[Any, Any]] = [(SKEW, Gaussian()), (REGRESSION, Linear()), (Digits(), Vae())]
    for pair in pairs:
        reason = metric.refusal(*pair)
        assert (reason is None) == (pair in SERVED[name]), (name, pair[1].kind, reason)
        assert reason is None or len(reason) > 20


def test_density_without_noise_is_refused() -> None:
    """Labels without noise have no density; of points the density is the model's."""
    silent = LinearRegression(dim=3, noise=0.0)
    assert "noise" in str(HeldoutNll().refusal(silent, Linear()))
    for source in (SwissRoll(), Moons(noise=0.0), Circles(noise=0.0)):
        assert HeldoutNll().refusal(source, Kde()) is None
