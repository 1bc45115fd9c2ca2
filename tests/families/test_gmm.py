"""Gaussian mixtures: scikit-learn's optimum, degenerate components, law of the second moment."""

from __future__ import annotations

from typing import Any

import array_api_compat.numpy as numpy_xp
import array_api_strict as strict
import numpy as np
import pytest
from recurse_numpy import NumpyRuntime
from scipy import stats
from scipy.special import ndtri
from sklearn.mixture import GaussianMixture

from recurse.backend import Runtime, backends
from recurse.families.gmm import Gmm
from recurse.lowering.closed import Compiled
from recurse.metrics import View
from recurse.metrics.mode_coverage import ModeCoverage
from recurse.metrics.second_moment import SecondMoment
from recurse.numerics.arrays import Arrays
from recurse.numerics.streams import Streams
from recurse.policies import Policy
from recurse.policies.accumulate import Accumulate
from recurse.policies.accumulate_subsample import AccumulateSubsample
from recurse.policies.replace import Replace
from recurse.sources.mixture import Mixture
from recurse.theory import curves
from tests.closed_arms import SKEW
from tests.gmm_arms import PAIR, clusters
from tests.harness import change, runtime, simulate
from tests.statistics_checks import detectable, z_test

RNG = np.random.default_rng(3)
BLOBS = np.concatenate(
    [RNG.normal(size=(n, 2)) * s + m for n, s, m in ((90, 1.0, (3, 0)), (60, 0.5, (-1, -1)))]
)


def fitted(backend: str, model: Gmm, x: Any, weights: Any = None) -> dict[str, Any]:
    """Parameters of samples ``[R, n, d]``, on the host."""
    started = runtime(backend)
    weights = np.ones(x.shape[:2]) if weights is None else weights
    found = solved(model, started, started.array(x), started.array(weights))
    return {k: started.host(v) for k, v in found.items()}


def solved(model: Gmm, started: Runtime, x: Any, weights: Any) -> Arrays:
    """The fit of samples of a backend; each replicate begins from the same numbers."""
    statistics = model.statistics(started.xp, {"x": x}, weights)
    (seeds,) = (draw.shape for draw in model.fit_noise(PAIR).values())
    numbers = np.random.default_rng(1).random(seeds)
    statistics["seeds"] = started.array(np.stack([numbers] * x.shape[0]))
    return model.solve(Compiled(model, started), statistics, {})


def score(model: Gmm, params: dict[str, Any], x: Any) -> Any:
    return model.evaluate(runtime("numpy").xp, PAIR, params, {"x": x})


@pytest.mark.parametrize("backend", backends())
@pytest.mark.parametrize("covariance", ["full", "diag", "tied"])
def test_optimum_is_that_of_scikit_learn(covariance: Any, backend: str) -> None:
    """The same density at the best of several starts, and the same weights and covariances."""
    model = Gmm(components=2, covariance=covariance, tolerance=1e-11, iterations=3000, restarts=3)
    params = fitted(backend, model, BLOBS[None])
    theirs = GaussianMixture(
        2, covariance_type=covariance, tol=1e-12, max_iter=5000, n_init=3, random_state=0
    ).fit(BLOBS)
    np.testing.assert_allclose(score(model, params, BLOBS[None]), theirs.score(BLOBS), atol=1e-6)
    ours, order = np.argsort(params["weights"][0]), np.argsort(theirs.weights_)
    np.testing.assert_allclose(params["weights"][0][ours], theirs.weights_[order], atol=1e-3)
    if covariance == "full":
        expected = theirs.covariances_[order]
        np.testing.assert_allclose(params["covariances"][0][ours], expected, atol=5e-3)


@pytest.mark.parametrize("backend", backends())
def test_a_fit_does_not_depend_on_its_neighbours(backend: str) -> None:
    """More replicates than are stepped at once, of which some settle at once and some late."""
    model = Gmm(components=2, restarts=2, iterations=40, tolerance=1e-5)
    rng = np.random.default_rng(5)
    first, second = rng.normal(size=(1000, 2)), rng.normal(size=(1000, 2))
    x = np.stack([np.concatenate([first, second + 1.0 + i % 5]) for i in range(21)])
    together = fitted(backend, model, x)
    for i in (0, 1, 2, 4, 20):
        alone = fitted(backend, model, x[i : i + 1])
        for name, values in alone.items():
            np.testing.assert_allclose(together[name][i], values[0], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("components", [2, 8])
def test_fits_are_as_good_as_those_of_scikit_learn(components: int) -> None:
    """With the same tolerance and one start each: the mean log-likelihood of 60 samples of a ring
    and of one blob, paired; level 1e-6, and a loss of 0.03 nats would have been seen."""
    streams = Streams(range(60))
    sources = (
        Mixture(components=components, deviation=0.4),
        Mixture(form="given", means=((0.0, 0.0),)),
    )
    x = np.concatenate([source.draw(streams, 0, "real", 300)["x"] for source in sources])
    model = Gmm(components=components)
    ours = score(model, fitted("numpy", model, x), x)
    theirs = [GaussianMixture(components, random_state=0).fit(data).score(data) for data in x]
    gain = ours - np.asarray(theirs)
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    assert gain.mean() > ndtri(1e-6) * error and detectable(gain.std(ddof=1), len(gain)) < 0.03


def test_large_numbers_leave_covariances_positive() -> None:
    """Clusters that are points at 1e5: rounding takes more from a variance than the floor gives."""
    x = 1e5 * np.repeat(np.array([[0.0, 0.1], [5.0, 0.3], [0.0, 5.7]]), 20, axis=0)[None]
    params = fitted("numpy", Gmm(components=3), x)
    assert np.all(np.linalg.eigvalsh(params["covariances"]) > 0.0)
    assert params["degenerate"].tolist() == [3.0]


def test_every_step_raises_the_likelihood() -> None:
    levels = []
    for iterations in range(1, 12):
        model = Gmm(components=3, tolerance=0.0, iterations=iterations, floor=1e-12)
        levels.append(score(model, fitted("numpy", model, BLOBS[None]), BLOBS[None])[0])
    assert np.all(np.diff(levels) > -1e-10) and levels[-1] > levels[0]


@pytest.mark.parametrize("covariance", ["full", "diag", "tied"])
def test_clusters_far_apart_take_one_step(covariance: Any) -> None:
    """No sample could be in another one, so their likelihood is that of the mixture; the fit is
    that of many steps. Clusters that overlap take more."""
    far = np.concatenate([BLOBS + shift for shift in ((0.0, 0.0), (60.0, 0.0))])[None]
    blobs = BLOBS[None]
    for x, alike in ((far, True), (blobs, False)):
        model = Gmm(covariance=covariance)
        one = Gmm(covariance=covariance, iterations=1)
        same = fitted("numpy", one, x)["means"] == fitted("numpy", model, x)["means"]
        assert np.all(same) == alike
    exact = Gmm(covariance=covariance, tolerance=0.0, iterations=50)
    for name, values in fitted("numpy", exact, far).items():
        np.testing.assert_allclose(fitted("numpy", model, far)[name], values, rtol=1e-9, atol=1e-9)
    seen = {"x": far, "weight": np.ones(far.shape[:2]), "count": np.array([float(far.shape[1])])}
    began = model.start(
        numpy_xp, model.prepare(numpy_xp, seen), np.full((1, 1, 2, 2), 0.4), np.array([0])
    )
    (found,) = model.evaluate(numpy_xp, PAIR, fitted("numpy", model, far), {"x": far})
    assert began[0, 0, -2] == pytest.approx(found, abs=1e-6)


def test_density_is_that_of_scipy() -> None:
    truth = PAIR.truth(Streams((1,)))
    x = PAIR.draw(Streams((1,)), 0, "heldout", 30)["x"]
    expected = np.log(
        sum(
            w * stats.multivariate_normal(m, c).pdf(x[0])
            for w, m, c in zip(
                truth["weights"][0], truth["means"][0], truth["covariances"][0], strict=True
            )
        )
    )
    np.testing.assert_allclose(score(Gmm(), truth, x)[0], expected.mean(), rtol=1e-10)
    np.testing.assert_allclose(PAIR.log_density(x)[0], expected, rtol=1e-12)


@pytest.mark.parametrize("covariance", ["full", "diag", "tied"])
def test_a_fit_keeps_the_moments_of_its_data(covariance: Any) -> None:
    """After any step the mixture has the mean of the data, and their second moment plus the floor;
    weights count samples, a weight of 0 leaves one out."""
    model = Gmm(components=3, covariance=covariance, floor=0.01)
    weights = np.where(np.arange(150) < 100, 2.0, 0.0)[None]
    params = fitted("numpy", model, BLOBS[None], weights)
    mean = np.einsum("k,kd->d", params["weights"][0], params["means"][0])
    np.testing.assert_allclose(mean, BLOBS[:100].mean(axis=0), rtol=1e-9)
    second = np.mean(np.sum(BLOBS[:100] ** 2, axis=1)) + 2 * 0.01
    np.testing.assert_allclose(params["second_moment"], second, rtol=1e-9)


@pytest.mark.parametrize("backend", backends())
def test_degenerate_components_are_counted(backend: str) -> None:
    """Three different points for four components; and all samples one point."""
    model = Gmm(components=4, restarts=2)
    few = np.repeat(np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0]]), 10, axis=0)
    params = fitted(backend, model, np.stack([few, np.ones((30, 2))]))
    assert all(np.isfinite(values).all() for values in params.values())
    assert params["degenerate"].tolist() == [4.0, 4.0]
    assert np.allclose(params["weights"].sum(axis=1), 1.0)
    healthy = fitted(backend, Gmm(components=2), BLOBS[None])
    assert healthy["degenerate"].tolist() == [0.0]


def test_a_lost_replicate_does_not_stop_the_block() -> None:
    x = np.stack([BLOBS, np.full_like(BLOBS, np.nan)])
    params = fitted("numpy", Gmm(), x)
    alone = fitted("numpy", Gmm(), BLOBS[None])
    np.testing.assert_allclose(params["means"][0], alone["means"][0], rtol=1e-12)
    assert np.isnan(params["second_moment"][1])


def test_samples_have_the_law_of_the_mixture() -> None:
    """Mean, second moments and shares of 4000 replicates; 0.06 of a unit would have been seen."""
    streams = Streams(range(4000))
    truth = PAIR.truth(streams)
    turned = np.array([[1.0, 0.6], [0.6, 2.0]])
    covariances = np.broadcast_to(np.stack([0.25 * np.eye(2), turned]), (4000, 2, 2, 2))
    params = {**truth, "covariances": covariances}
    noise = streams.draws(1, "synthetic", Gmm().noise(PAIR, 10))
    x = Gmm().sample(runtime("numpy").xp, PAIR, params, noise, {})["x"]
    shares, centers = PAIR.shares, PAIR.centers
    assert np.all(z_test(x.mean(axis=1), shares @ centers) < 0.08)
    each = covariances[0] + centers[:, :, None] * centers[:, None, :]
    expected = np.einsum("k,kij->ij", shares, each)
    found = (x[..., :, None] * x[..., None, :]).mean(axis=1)
    assert np.all(z_test(found, expected) < 0.15)


LAWFUL: dict[str, Policy] = {
    "replace": Replace(),
    "accumulate": Accumulate(),
    "subsample": AccumulateSubsample(),
}


@pytest.mark.parametrize("name", LAWFUL)
def test_second_moment_follows_its_law(name: str) -> None:
    """A fit keeps the second moment up to its floor; level 1e-6, a share of 7 % would be seen."""
    model = Gmm(components=2, floor=0.05, iterations=10)
    arm = clusters(LAWFUL[name], model=model, generations=4, metrics=(SecondMoment(),))
    (curve, *_), refused = curves(arm)
    assert curve.kind == "exact"
    assert all(reason.startswith("stated for") for _, reason in refused)
    found = simulate(arm, 1500)["second_moment"].T
    assert np.all(z_test(found, curve.values) < 0.07 * curve.values)
    assert abs(curve.values[0] - PAIR.second_moment(1) - 0.1) < 1e-12


def test_mode_coverage() -> None:
    source = Mixture(form="grid", scale=2.0, deviation=0.05)
    truth = source.truth(Streams((1, 2)))
    x = np.tile(source.centers, (2, 40, 1))
    x[1, :, 0] = np.abs(x[1, :, 0])
    view = View({}, truth, {"x": x}, {}, {})
    found = ModeCoverage().measure(runtime("numpy").xp, view)
    assert found.tolist() == [1.0, 15 / 25]
    assert ModeCoverage().refusal(PAIR, Gmm()) is None
    assert "no modes" in str(ModeCoverage().refusal(SKEW, Gmm()))


class Strict(NumpyRuntime):
    """NumPy with nothing that is not in the standard."""

    xp = strict

    def array(self, values: Any) -> Any:
        return strict.asarray(values)


def test_the_whole_family_is_in_the_standard() -> None:
    with strict.ArrayAPIStrictFlags(api_version="2024.12"):
        for covariance in ("full", "diag", "tied"):
            model = Gmm(components=2, restarts=2, iterations=6, covariance=covariance)
            x = strict.asarray(np.stack([BLOBS, BLOBS[::-1]]))
            params = solved(model, Strict(), x, strict.ones((2, 150), dtype=strict.float64))
            assert model.evaluate(strict, PAIR, params, {"x": x}).shape == (2,)
            noise = {
                k: strict.asarray(np.array(v))
                for k, v in Streams((1, 2)).draws(1, "s", model.noise(PAIR, 7)).items()
            }
            assert model.sample(strict, PAIR, params, noise, {})["x"].shape == (2, 7, 2)


def test_mixture_source() -> None:
    """Ring, grid and given means; wrong forms are refused with their place."""
    ring, grid = Mixture(), Mixture(form="grid")
    assert np.allclose(np.linalg.norm(ring.centers, axis=1), 2.0) and len(ring.centers) == 8
    assert len(np.unique(grid.centers, axis=0)) == 25 and np.abs(grid.centers).max() == 4.0
    x = PAIR.draw(Streams(range(8000)), 0, "real", 5)["x"]
    assert np.all(z_test(x.mean(axis=1), PAIR.shares @ PAIR.centers) < 0.12)
    squares = np.sum(x**2, axis=2).mean(axis=1)
    assert z_test(squares, PAIR.second_moment(5)) < 0.15
    wrong = (
        (Mixture(form="given"), "means"),
        (Mixture(means=((1.0,),)), "means"),
        (Mixture(form="given", means=((1.0,), (1.0, 2.0))), "means"),
        (Mixture(weights=(1.0,)), "weights"),
        (Mixture(components=2, weights=(1.0, -1.0)), "weights"),
    )
    for source, place in wrong:
        assert source.problems()[0][0] == place
    assert change(clusters(Replace()), source=ring).source.fields == {"x": (2,)}
