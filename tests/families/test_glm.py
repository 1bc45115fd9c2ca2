"""Generalised linear models: scikit-learn's maximum, data without one, labels.

Stochastic tests: level 1e-6 each, the detectable effect is asserted.
"""

from __future__ import annotations

from typing import Any

import array_api_strict as strict
import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression as Classifier
from sklearn.linear_model import PoissonRegressor

from recurse.backend import backends
from recurse.correctors.verifier import Verifier
from recurse.families import glm
from recurse.families.glm import Glm
from recurse.families.logistic import Logistic
from recurse.families.poisson_regression import PoissonRegression
from recurse.families.roles import Conditional
from recurse.metrics.degenerate import Degenerate
from recurse.metrics.fisher_error import FisherError
from recurse.numerics.streams import Streams
from recurse.planning.refusals import refusals
from recurse.policies.accumulate import Accumulate
from recurse.policies.replace import Replace
from recurse.scenario.scenario import Arm, Samples
from recurse.sources.glm import GlmSource
from recurse.sources.logistic_regression import LogisticRegression
from recurse.sources.poisson_regression import PoissonRegression as PoissonSource
from tests.closed_arms import least_squares
from tests.glm_arms import CLASSES, ERRORS, EVERY, NEW_NUMBERS, NUMBERS, labelled
from tests.harness import change, runtime, simulate
from tests.statistics_checks import z_test

SEEDS = (2, 5, 9)


def fitted(model: Glm, x: Any, y: Any, weights: Any = None, backend: str = "numpy") -> Any:
    """Parameters of samples ``[R, n, d]`` and their labels, on the host."""
    started = runtime(backend)
    batch = {"x": started.array(x), "y": started.array(y)}
    weights = np.ones(y.shape) if weights is None else weights
    statistics = model.statistics(started.xp, batch, started.array(weights))

    def call(method: str, *arguments: Any) -> Any:
        return getattr(model, method)(started.xp, *arguments)

    return {k: started.host(v) for k, v in model.solve(call, statistics, {}).items()}


def theirs(kind: str, x: Any, y: Any, weights: Any, intercept: bool, ridge: float) -> Any:
    """Scikit-learn's maximum: both penalise the mean, ours without the factor 1/2."""
    model: Any
    if kind == "logistic":
        strength = np.inf if ridge == 0 else 1.0 / (2.0 * ridge * weights.sum())
        model = Classifier(C=strength, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    else:
        model = PoissonRegressor(
            alpha=2.0 * ridge, solver="newton-cholesky", tol=1e-12, max_iter=1000
        )
    model.set_params(fit_intercept=intercept).fit(x, y, sample_weight=weights)
    slopes = np.ravel(model.coef_)
    return np.concatenate([np.ravel(model.intercept_), slopes]) if intercept else slopes


@pytest.mark.parametrize("backend", backends())
@pytest.mark.parametrize("kind", ["logistic", "poisson_regression"])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("ridge", [0.0, 0.02])
def test_maximum_is_that_of_scikit_learn(
    kind: str, intercept: bool, ridge: float, backend: str
) -> None:
    """Every coefficient to 1e-8, with weights (0 among them)."""
    kinds: Any = {"logistic": (Logistic, LogisticRegression)}
    family, law = kinds.get(kind, (PoissonRegression, PoissonSource))
    source = law(dim=3, intercept=intercept, scale=0.7)
    data = source.draw(Streams(SEEDS), 0, "real", 150)
    weights = np.random.default_rng(1).integers(0, 3, (3, 150)).astype(float)
    model = family(ridge=ridge).completed(source)
    found = fitted(model, data["x"], data["y"], weights, backend)
    assert found["degenerate"].tolist() == [0.0] * 3
    for r in range(3):
        expected = theirs(kind, data["x"][r], data["y"][r], weights[r], intercept, ridge)
        np.testing.assert_allclose(found["coef"][r], expected, atol=1e-8)


@pytest.mark.parametrize("backend", backends())
@pytest.mark.parametrize("source", [CLASSES, NUMBERS], ids=["logistic", "poisson_regression"])
@pytest.mark.parametrize("n", [120, 3000])
def test_error_of_a_fit(n: int, source: GlmSource, backend: str) -> None:
    """Within 1e-12 of the maximum, though the Hessians are in single precision: full Newton steps
    from there find nothing to change."""
    model: Any = labelled(source, Replace()).model.completed(source)
    data = source.draw(Streams(range(20)), 0, "real", n)
    found = fitted(model, data["x"], data["y"], backend=backend)["coef"]
    z = np.concatenate([np.ones((20, n, 1)), data["x"]], axis=2)
    best = found.copy()
    for _ in range(3):
        linear = (z @ best[..., None])[..., 0]
        response, ones = model.response(np, linear), np.ones((20, n))
        first = model.slope(np, response, data["y"], ones)
        second = model.curvature(np, response, ones)
        hessian = np.swapaxes(z * second[..., None], 1, 2) @ z
        best += np.linalg.solve(hessian, np.swapaxes(z, 1, 2) @ first[..., None])[..., 0]
    np.testing.assert_allclose(found, best, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", [Logistic, PoissonRegression])
def test_a_maximum_out_of_reach(kind: type[Glm]) -> None:
    """Longer than the limit: cut to it and recorded, though there is a maximum."""
    source = CLASSES if kind is Logistic else NUMBERS
    data = source.draw(Streams(SEEDS), 0, "real", 400)
    found = fitted(kind(limit=0.3).completed(source), data["x"], data["y"])
    assert found["degenerate"].tolist() == [1.0] * 3
    np.testing.assert_allclose(np.linalg.norm(found["coef"], axis=1), 0.3, rtol=1e-12)


def test_a_hard_start_is_damped() -> None:
    """Long coefficients and few samples: full steps would leave, damped ones arrive."""
    source = LogisticRegression(dim=2, intercept=True, coefficients=(4.0, 20.0, -15.0))
    data = source.draw(Streams(range(30)), 0, "real", 400)
    found = fitted(Logistic(limit=1000.0).completed(source), data["x"], data["y"])
    whole = np.flatnonzero(found["degenerate"] == 0)
    assert len(whole) > 20
    for r in whole[:5]:
        ones = np.ones(400)
        expected = theirs("logistic", data["x"][r], data["y"][r], ones, True, 0.0)
        np.testing.assert_allclose(found["coef"][r], expected, rtol=1e-6)


@pytest.mark.parametrize("kind", [Logistic, PoissonRegression])
def test_damped_steps_arrive_from_far(kind: type[Glm], monkeypatch: pytest.MonkeyPatch) -> None:
    """A first guess where a full step would overshoot by e^8 and come back one by one, or never."""
    source = CLASSES if kind is Logistic else NUMBERS
    data = source.draw(Streams(SEEDS), 0, "real", 150)
    near = fitted(kind().completed(source), data["x"], data["y"])

    def far(self: Glm, xp: Any, mean: Any, moment: Any) -> Any:
        return xp.full_like(mean, -8.0), 0.0 * moment

    monkeypatch.setattr(kind, "start", far)
    found = fitted(kind().completed(source), data["x"], data["y"])
    assert not found["degenerate"].any()
    np.testing.assert_allclose(found["coef"], near["coef"], rtol=1e-8)


GRID = np.linspace(-1.0, 1.0, 10)
NO_MAXIMUM: dict[str, tuple[Glm, Any, Any]] = {
    "one class": (Logistic(intercept=True), GRID, np.ones(10)),
    "the other class": (Logistic(intercept=True), GRID, np.zeros(10)),
    "separated": (Logistic(intercept=True), GRID, GRID > 0.2),
    "separated at zero": (Logistic(intercept=False), GRID, GRID > 0.0),
    "nearly separated": (Logistic(intercept=True), np.round(GRID), GRID > 0.2),
    "no counts": (PoissonRegression(intercept=True), GRID, np.zeros(10)),
    "counts at one end": (PoissonRegression(intercept=True), GRID, 3.0 * (GRID > 0.9)),
}


@pytest.mark.parametrize("backend", backends())
@pytest.mark.parametrize("name", NO_MAXIMUM)
def test_data_without_a_maximum(name: str, backend: str) -> None:
    """Stopped at the limit and recorded, and the replicates beside it are as if alone."""
    model, x, y = NO_MAXIMUM[name]
    model = model.model_copy(update={"limit": 30.0})
    good = np.array([1.0, 0, 2, 0, 1, 0, 0, 1, 0, 1])
    if isinstance(model, Logistic):
        good = np.minimum(good, 1.0)
    xs = np.broadcast_to(x[None, :, None], (3, 10, 1)).copy()
    ys = np.stack([good, np.asarray(y, dtype=float), good[::-1]])
    found = fitted(model, xs, ys, backend=backend)
    assert found["degenerate"].tolist() == [0.0, 1.0, 0.0]
    np.testing.assert_allclose(np.linalg.norm(found["coef"][1]), 30.0, rtol=1e-12)
    for r in (0, 2):
        alone = fitted(model, xs[r : r + 1], ys[r : r + 1], backend=backend)
        np.testing.assert_allclose(found["coef"][r], alone["coef"][0], rtol=1e-12)


@pytest.mark.parametrize("backend", backends())
def test_two_points(backend: str) -> None:
    """Two points of two classes are separated by the plane between them; a ridge helps."""
    x, y = np.array([[[-1.0], [2.0]]]), np.array([[0.0, 1.0]])
    found = fitted(Logistic(intercept=True), x, y, backend=backend)
    constant, slope = found["coef"][0]
    assert found["degenerate"][0] == 1.0 and -slope + constant < 0 < 2 * slope + constant
    held = fitted(Logistic(intercept=True, ridge=0.01), x, y, backend=backend)
    assert held["degenerate"][0] == 0.0
    expected = theirs("logistic", x[0], y[0], np.ones(2), True, 0.01)
    np.testing.assert_allclose(held["coef"][0], expected, atol=1e-8)


@pytest.mark.parametrize("backend", backends())
def test_nothing_left_is_no_fit(backend: str) -> None:
    """A replicate whose samples all have weight 0 has coefficients that are not finite."""
    data = CLASSES.draw(Streams(SEEDS), 0, "real", 50)
    weights = np.ones((3, 50))
    weights[1] = 0.0
    found = fitted(Logistic(intercept=True), data["x"], data["y"], weights, backend)
    assert np.isfinite(found["coef"]).all(axis=1).tolist() == [True, False, True]


def test_separation_freezes_the_loop() -> None:
    """With the inputs reused a separated model labels the same again, for ever."""
    arm = labelled(CLASSES, Replace(), samples=Samples(real=8, synthetic=8), generations=8)
    found = simulate(change(arm, metrics=(*ERRORS, Degenerate())), 300)
    lost = found["degenerate"]
    assert 0.2 < lost[0].mean() < 0.9 < lost[-1].mean()
    assert np.mean(lost[1:][lost[:-1] == 1.0]) > 0.99 and found.whole.all()


@pytest.mark.parametrize("source", [CLASSES, NUMBERS], ids=["logistic", "poisson_regression"])
def test_a_reused_design_is_fitted_by_its_sums(source: GlmSource) -> None:
    """Sums over labels of shared inputs give the fit of all samples laid side by side."""
    model: Any = labelled(source, Replace()).model.completed(source)
    xp = runtime("numpy").xp
    streams = Streams(SEEDS)
    first, twice = (source.draw(streams, g, "real", n) for g, n in ((0, 60), (1, 120)))
    x, labels = first["x"], (first["y"], twice["y"])
    whole = fitted(model, np.concatenate([x, x, x], axis=1), np.concatenate(labels, axis=1))
    fixed = model.fixed(xp, {"x": x})
    parts = [model.label_sums(xp, {"y": y}, np.ones(y.shape), 60) for y in labels]
    merged = {**fixed, **model.merge(xp, *parts)}
    found = model.solve(lambda method, *a: getattr(model, method)(xp, *a), merged, {})
    np.testing.assert_allclose(found["coef"], whole["coef"], rtol=1e-9)


@pytest.mark.parametrize("backend", backends())
def test_fits_in_parts(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five replicates fitted two at a time, for the cache, are those fitted together."""
    arm = labelled(NUMBERS, Accumulate(), backend=backend, generations=2, metrics=EVERY)
    whole = simulate(arm, 5)
    monkeypatch.setattr(glm, "_CACHE", 2 * 3 * 120)
    parts = simulate(arm, 5)
    for metric in whole.metrics:
        np.testing.assert_allclose(parts[metric], whole[metric], rtol=1e-10)
    assert len(np.unique(whole["fisher_error"][-1])) == 5


@pytest.mark.parametrize("source", [CLASSES, NEW_NUMBERS], ids=["logistic", "poisson_regression"])
def test_labels_have_their_law(source: GlmSource) -> None:
    """Mean and variance of residuals, along the inputs too, of the real source and of the model."""
    streams = Streams(range(4000))
    model: Any = labelled(source, Replace()).model.completed(source)
    xp, truth = runtime("numpy").xp, source.truth(streams)
    noise: Any = streams.draws(1, "s", model.noise(source, 10))
    known = source.draw(streams, 2, "real", 10)
    design = {} if "x" in noise else {"x": known["x"]}
    if isinstance(model, Conditional):
        given = model.given_samples(source, 10, truth, {**design, **noise})
        noise |= streams.given(1, "s", given)
    unit = 1.0 if source is CLASSES else 2.5
    for batch in (known, model.sample(xp, source, truth, noise, design)):
        linear = source.linear(truth["coef"], batch["x"])
        binary = source is CLASSES
        mean = 1.0 / (1.0 + np.exp(-linear)) if binary else np.exp(linear)
        variance = mean * (1.0 - mean) if binary else mean
        residual = batch["y"] - mean
        assert z_test(residual.mean(axis=1), 0.0) < 0.04 * unit
        assert np.all(z_test((residual[..., None] * batch["x"]).mean(axis=1), 0.0) < 0.04 * unit)
        assert z_test((residual**2 - variance).mean(axis=1), 0.0) < 0.06 * unit**2


@pytest.mark.parametrize("source", [CLASSES, NUMBERS], ids=["logistic", "poisson_regression"])
def test_density_is_that_of_scipy(source: GlmSource) -> None:
    streams = Streams(SEEDS)
    data, truth = source.draw(streams, 0, "heldout", 25), source.truth(streams)
    model: Any = labelled(source, Replace()).model.completed(source)
    found = model.evaluate(runtime("numpy").xp, source, truth, data)
    linear = source.linear(truth["coef"], data["x"])
    binary = stats.bernoulli(1.0 / (1.0 + np.exp(-linear)))
    law = binary if source is CLASSES else stats.poisson(np.exp(linear))
    np.testing.assert_allclose(found, law.logpmf(data["y"]).mean(axis=1), rtol=1e-12)


def test_refusals() -> None:
    """The wrong source, intercept, number of samples or coefficients, each at its place."""
    cases: list[tuple[Arm, str, tuple[str, ...]]] = [
        (labelled(CLASSES, Replace(), model=PoissonRegression()), "own law", ("model", "kind")),
        (labelled(CLASSES, Replace(), model=Logistic(intercept=False)), "inter", ("model", "kind")),
        (labelled(CLASSES, Replace(), samples=Samples(real=3, synthetic=3)), "more", ("samples",)),
        (labelled(CLASSES, Replace(), samples=Samples(real=9, synthetic=8)), "9 inp", ("samples",)),
        (labelled(CLASSES, Replace(), corrector=Verifier(error=0.1)), "sign", ("corrector",)),
        (least_squares(Replace(), metrics=(FisherError(),)), "Fisher", ("metrics", 0, "kind")),
    ]
    for arm, words, place in cases:
        found = [(path, text) for _, text, path in refusals(arm) if words in text]
        assert found and found[0][0] == place, words
    wrong = {
        "coefficients": (
            CLASSES.model_copy(update={"dim": 3}),
            PoissonSource(dim=1, coefficients=(12.0,)),
        ),
        "scale": (PoissonSource(dim=4, scale=3.0),),
    }
    for place_, sources in wrong.items():
        for source in sources:
            ((path, code, _),) = source.problems()
            assert path == place_ and code == "E204"


@pytest.mark.parametrize("source", [CLASSES, NUMBERS], ids=["logistic", "poisson_regression"])
def test_the_whole_family_is_in_the_standard(source: GlmSource) -> None:
    with strict.ArrayAPIStrictFlags(api_version="2024.12"):
        streams = Streams(SEEDS)

        def put(arrays: Any) -> Any:
            return {k: strict.asarray(np.array(v)) for k, v in arrays.items()}

        model: Any = labelled(source, Replace()).model.model_copy(update={"ridge": 0.01})
        model = model.completed(source)
        data, truth = source.draw(streams, 0, "real", 40), put(source.truth(streams))
        ones = strict.ones((3, 40), dtype=strict.float64)

        def call(method: str, *arguments: Any) -> Any:
            return getattr(model, method)(strict, *arguments)

        fixed = model.fixed(strict, put({"x": data["x"]}))
        summed = model.label_sums(strict, put({"y": data["y"]}), ones, 40)
        assert model.solve(call, {**fixed, **summed}, {})["coef"].shape == (3, source.terms)
        params = model.solve(call, model.statistics(strict, put(data), ones), {})
        assert model.evaluate(strict, source, params, put(data)).shape == (3,)
        noise: Any = streams.draws(1, "s", model.noise(source, 40))
        inputs = {"x": data["x"], **noise}
        if isinstance(model, Conditional):
            given = model.given_samples(source, 40, source.truth(streams), inputs)
            noise = {**noise, **streams.given(1, "s", given)}
        noise = put(noise)
        drawn = model.sample(strict, source, truth, noise, put({"x": data["x"]}))
        assert drawn["y"].shape == (3, 40)
