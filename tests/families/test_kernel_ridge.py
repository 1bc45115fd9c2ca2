"""Kernel ridge: scikit-learn's fit, the loss that is asked for, collapse, and Mobahi's laws.

Simulations: level 1e-6 over the generations together; the detectable shift is asserted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import array_api_strict as strict
import numpy as np
import pytest
from pydantic import ValidationError
from scipy.optimize import brentq
from sklearn.kernel_ridge import KernelRidge as Theirs

from recurse.backend import backends
from recurse.correctors.verifier import Verifier
from recurse.families.kernel_ridge import KernelRidge, inverse_for
from recurse.lowering.decision import decide
from recurse.metrics import View
from recurse.metrics.alive import Alive
from recurse.metrics.effective_rank import EffectiveRank
from recurse.metrics.excess_risk import ExcessRisk
from recurse.metrics.mean_square import MeanSquare
from recurse.numerics.streams import Streams
from recurse.planning.estimate import estimate
from recurse.planning.refusals import refusals
from recurse.policies.accumulate import Accumulate
from recurse.policies.accumulate_subsample import AccumulateSubsample
from recurse.policies.fresh import Fresh
from recurse.policies.mix import Mix
from recurse.policies.replace import Replace
from recurse.policies.weighted_fresh import WeightedFresh
from recurse.policies.window import Window
from recurse.scenario.scenario import Arm, Samples
from recurse.sources.function import HELDOUT, Function
from recurse.theory import curves
from recurse.theory.mobahi import spectrum, survival
from tests.closed_arms import SKEW
from tests.harness import Array, change, operations, runtime, simulate
from tests.kernel_arms import DISTILLED, NOISY, SHAPE, SINE, WAVES, distilled
from tests.statistics_checks import z_test

LOSS = change(distilled(Replace()), model=KernelRidge(loss=0.045, length=0.3))
RNG = np.random.default_rng(5)


def fitted(backend: str, model: KernelRidge, x: Array, y: Array, weight: Any = None) -> Any:
    """Parameters of samples ``x, y [R, n]``, on the host."""
    started = runtime(backend)
    weight = np.ones_like(y) if weight is None else weight
    put = {"x": x[..., None], "y": y, "weight": weight}
    arrays = {k: started.array(v) for k, v in put.items()}
    statistics = model.statistics(started.xp, arrays, arrays["weight"])
    params = model.estimate(started.xp, statistics)
    return {k: started.host(v) for k, v in params.items()}


def predicted(model: KernelRidge, params: Any, x: Array) -> Array:
    values: Array = model.similarity(np, x[..., None], params["x"]) @ params["alpha"][..., None]
    return values[..., 0]


def points(n: int = 11, replicates: int = 3) -> tuple[Array, Array]:
    x = RNG.random((replicates, n))
    return x, np.sin(6 * x) + 0.4 * RNG.normal(size=x.shape)


@pytest.mark.parametrize("backend", backends())
@pytest.mark.parametrize("kernel", ["exponential", "gaussian"])
def test_fit_is_that_of_scikit_learn(kernel: Any, backend: str) -> None:
    """With weights too; theirs adds ``alpha / w_i`` to the diagonal, so alpha is c times sum w."""
    model = KernelRidge(ridge=0.03, kernel=kernel, length=0.2)
    x, y = points()
    weight = RNG.integers(0, 4, x.shape).astype(float)
    params = fitted(backend, model, x, y, weight)
    gamma = 1 / 0.2 if kernel == "exponential" else 1 / (2 * 0.2**2)
    name = "laplacian" if kernel == "exponential" else "rbf"
    at = np.asarray(HELDOUT)[:, None]
    for r in range(3):
        theirs = Theirs(alpha=0.03 * weight[r].sum(), kernel=name, gamma=gamma)
        seen = weight[r] > 0
        theirs.fit(x[r][seen, None], y[r][seen], sample_weight=weight[r][seen])
        np.testing.assert_allclose(params["curve"][r], theirs.predict(at), rtol=1e-8, atol=1e-10)
    values = predicted(model, params, x)
    share = weight / weight.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(params["mean_square"], (share * values**2).sum(axis=1), rtol=1e-9)


@pytest.mark.parametrize("backend", backends())
@pytest.mark.parametrize("loss", [1e-6, 1e-3, 0.045, 0.3])
def test_loss_is_met_with_the_smallest_norm(loss: float, backend: str) -> None:
    """The error is eps to 1e-11, and the fit is a ridge fit: of all that near the shortest."""
    x, y = points()
    params = fitted(backend, KernelRidge(loss=loss, length=0.3), x, y)
    model = KernelRidge(loss=loss, length=0.3)
    error = ((predicted(model, params, x) - y) ** 2).mean(axis=1)
    np.testing.assert_allclose(error, loss, rtol=1e-9)
    for r in range(3):
        ridge = KernelRidge(ridge=float(1 / params["inverse_ridge"][r]), length=0.3)
        same = fitted("numpy", ridge, x[r : r + 1], y[r : r + 1])
        np.testing.assert_allclose(same["alpha"][0], params["alpha"][r], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("rule", [{"ridge": 0.02}, {"loss": 0.1}])
def test_labels_of_the_same_inputs_are_summed(rule: Any) -> None:
    """The sums of three labellings give the fit of all samples, and the error is that of all."""
    model = KernelRidge(length=0.3, **rule)
    x, _ = points()
    y = np.sin(6 * x)[:, None, :] + 0.2 * RNG.normal(size=(3, 3, 11))
    weight = RNG.integers(0, 3, (3, 3, 11)).astype(float)
    every = np.tile(x, (1, 3)), y.reshape(3, 33), weight.reshape(3, 33)
    apart = fitted("numpy", model, *every)
    design = {"inputs": x[..., None]}
    parts = [
        model.label_sums(np, {"y": y[:, i:j].reshape(3, -1)}, w.reshape(3, -1), 11)
        for i, j, w in ((0, 2, weight[:, :2]), (2, 3, weight[:, 2:]))
    ]
    summed = model.estimate(np, {**design, **model.merge(np, *parts)})
    for name in ("curve", "mean_square", "inverse_ridge"):
        np.testing.assert_allclose(summed[name], apart[name], rtol=1e-8, atol=1e-10)
    if model.loss is not None:
        share = every[2] / every[2].sum(axis=1, keepdims=True)
        error = share * (predicted(model, apart, every[0]) - every[1]) ** 2
        np.testing.assert_allclose(error.sum(axis=1), 0.1, rtol=1e-9)


def test_root_is_that_of_brent() -> None:
    """Spectra over many orders, and losses near either end of what is possible: 1e-12."""
    rng = np.random.default_rng(0)
    for _ in range(300):
        n = int(rng.integers(1, 12))
        d = np.sort(10 ** rng.uniform(-11, 0, n))
        square = rng.random(n) * 10 ** rng.uniform(-6, 2, n)
        loss = square.sum() * float(rng.choice([1e-6, 0.01, 0.5, 0.99, 1 - 1e-6]))
        found = float(inverse_for(np, d[None], square[None], np.array([loss]))[0])

        def gap(log: float, d: Array = d, square: Array = square, loss: float = loss) -> float:
            return float(np.log((square / (1 + np.exp(log) * d) ** 2).sum() / loss))

        expected = np.exp(brentq(gap, -40, 60, xtol=1e-14, rtol=1e-14))
        slack = 1e-12 if loss < 0.99 * square.sum() else 1e-8  # the root itself is that ill posed
        assert abs(found / expected - 1) < slack
        ratio = np.sqrt(square.sum() / loss) - 1
        assert ratio / d[-1] * (1 - 1e-9) <= found <= ratio / d[0] * (1 + 1e-9)


@pytest.mark.parametrize("backend", backends())
def test_what_has_no_fit(backend: str) -> None:
    """Collapse to 0; two labels of one input that no function meets; nothing left: in one block."""
    x, y = points(6, 4)
    y[0] *= 0.1 / np.sqrt((y[0] ** 2).mean())
    x[1, 1:] = x[1, 0]
    y[1] = [1, -1, 1, -1, 1, -1]
    weight = np.ones_like(y)
    weight[2] = 0.0
    params = fitted(backend, KernelRidge(loss=0.02, length=0.3), x, y, weight)
    assert not params["alpha"][0].any() and not params["curve"][0].any()
    assert params["mean_square"][0] == params["inverse_ridge"][0] == 0
    assert np.isnan(params["alpha"][1:3]).any(axis=1).all()
    assert np.isfinite(params["curve"][3]).all() and params["mean_square"][3] > 0


def test_dead_models_stay_dead_and_others_run_on() -> None:
    found = simulate(change(LOSS, generations=12, metrics=(*SHAPE, Alive())), 60)
    alive, rank = found["alive"], found["effective_rank"]
    assert found.whole.all() and alive[0].all() and not alive[-1].any()
    assert np.all(np.diff(alive, axis=0) <= 0)
    assert np.array_equal(rank > 0, alive > 0)
    risk = np.mean(SINE.at(np, np.asarray(HELDOUT)) ** 2)
    np.testing.assert_allclose(found["excess_risk"][-1], risk, rtol=1e-12)


def test_a_lost_replicate_is_recorded() -> None:
    """Labels of two pools cannot both be met to 1e-9; shapes grow, nothing breaks."""
    arm = distilled(Accumulate(), model=KernelRidge(loss=1e-9, labels="noisy"), generations=3)
    whole = simulate(arm, 3).whole
    assert whole[0].all() and not whole[1:].any()


def test_every_round_is_sparser() -> None:
    """Seed by seed: the rank falls, factors stay ordered by eigenvalue, and c grows with a loss."""
    arm = change(LOSS, generations=5, model=DISTILLED)
    ops: Any = operations(arm, range(40))
    strengths, products = [], []
    measure = ops.measure

    def watched(generation: int, params: Any) -> Any:
        strengths.append(params["inverse_ridge"])
        products.append(params["product"])
        return measure(generation, params)

    ops.measure = watched
    rank = simulate(arm, 40, ops=ops)["effective_rank"]
    both = (rank[1:] > 0) & (rank[:-1] > 0)
    assert both.sum() > 100 and np.all(np.diff(rank, axis=0)[both] < 0)
    assert np.all(np.diff(np.array(strengths), axis=0)[both] < 0)
    assert np.all(np.diff(np.array(products), axis=2) >= 0)


def test_rounds_of_every_seed_are_within_their_bounds() -> None:
    """||y||/s - 1 rounds at least (Mobahi: over kappa), ||y||^2/s^2 at most."""
    arm = change(LOSS, generations=30, model=KernelRidge(loss=0.01, length=0.3), metrics=(Alive(),))
    streams = Streams(range(300))
    y = SINE.draw(streams, 0, "real", 11)["y"]
    lived = simulate(arm, 300)["alive"].sum(axis=0)
    size = np.sqrt((y**2).mean(axis=1) / 0.01)
    assert np.all(lived >= size - 1) and np.all(lived < size**2)
    d = spectrum(arm.model, 11)[0]
    assert np.all(lived > (size - 1) / (d[-1] / d[0]))
    assert lived.max() > lived.min() + 2


@dataclass(frozen=True)
class Case:
    arm: Arm
    detectable: float


TWICE = Samples(real=11, synthetic=22, fresh=11)
GAUSSIAN = KernelRidge(ridge=0.2 / 11, kernel="gaussian", length=1 / np.sqrt(160))
LAWFUL = {
    "replace": Case(distilled(Replace()), 0.12),
    "replace, gaussian": Case(distilled(Replace(), model=GAUSSIAN), 0.12),
    "replace, noisy": Case(distilled(Replace(), model=NOISY), 0.12),
    "accumulate, noisy": Case(distilled(Accumulate(), model=NOISY), 0.12),
    "window": Case(distilled(Window(size=2), model=NOISY, generations=3), 0.12),
    "fresh": Case(distilled(Fresh()), 0.12),
    "mix": Case(
        distilled(
            Mix(), samples=TWICE, model=NOISY, source=Function(sine=(0.5, 1.0)), generations=3
        ),
        0.12,
    ),
    "weighted fresh": Case(distilled(WeightedFresh(w=0.3), model=NOISY), 0.12),
}


@pytest.mark.parametrize("name", LAWFUL)
def test_law_of_a_fixed_ridge(name: str) -> None:
    case = LAWFUL[name]
    found = simulate(case.arm, 3000)
    lines = {curve.metric: curve for curve in curves(case.arm)[0]}
    for metric in ("excess_risk", "mean_square"):
        assert lines[metric].kind == "exact"
        shift = z_test(found[metric].T, lines[metric].values)
        assert np.all(shift < case.detectable * lines[metric].values), shift / lines[metric].values
    rank = found["effective_rank"]
    np.testing.assert_allclose(rank, lines["effective_rank"].values[:, None] * np.ones(3000))


def test_law_by_hand() -> None:
    """theory.md 3a: ``(d/(c+d))^t`` of the first labels, no more."""
    arm = distilled(Replace())
    x = np.linspace(0, 1, 11)
    gram = np.exp(-np.abs(x[:, None] - x) / 0.3)
    d, v = np.linalg.eigh(gram)
    inside = (v.T @ np.sin(2 * np.pi * x)) ** 2 + 0.25
    square = [np.mean((d / (d + 11 * 0.01)) ** (2 * t) * inside) for t in range(1, 8)]
    lines = {curve.metric: curve.values for curve in curves(arm)[0]}
    np.testing.assert_allclose(lines["mean_square"], square, rtol=1e-12)
    at = np.exp(-np.abs(np.asarray(HELDOUT)[:, None] - x) / 0.3)
    hat = at @ np.linalg.solve(gram + 0.11 * np.eye(11), np.eye(11))
    step = gram @ np.linalg.solve(gram + 0.11 * np.eye(11), np.eye(11))
    for g in range(7):
        whole = hat @ np.linalg.matrix_power(step, g)
        bias = whole @ np.sin(2 * np.pi * x) - np.sin(2 * np.pi * np.asarray(HELDOUT))
        risk = np.mean(bias**2) + 0.25 * np.mean((whole**2).sum(axis=1))
        assert abs(lines["excess_risk"][g] / risk - 1) < 1e-11


def test_bounds_of_a_fixed_loss() -> None:
    """The share alive is between the bounds, exact in generation 0; the paper's is weaker."""
    arm = change(LOSS, generations=8, model=KernelRidge(loss=0.5, length=0.3), metrics=(Alive(),))
    lines = {curve.name.rpartition(": ")[2]: curve.values for curve in curves(arm)[0]}
    low, high = lines["triangle inequality"], lines["loss per round"]
    paper = lines["condition number"]
    found = simulate(arm, 4000)["alive"].mean(axis=1)
    error = 5.5 * np.sqrt(0.25 / 4000)
    assert np.all(paper <= low) and np.all(low <= high)
    assert np.all(found > low - error) and np.all(found < high + error)
    assert abs(found[0] - low[0]) < error and low[0] == high[0] < 1 - error
    assert paper[1] < low[1] and high[1] < 0.5
    expected = survival(np.array([0.5]), 0.7, 0.0, 11)
    assert expected.tolist() == [1.0]


def test_why_no_curve() -> None:
    cases = {
        "grid": distilled(Replace(), source=WAVES),
        "copies": distilled(AccumulateSubsample()),
        "corrector": distilled(Replace(), corrector=Verifier(error=0.2)),
        "replace": change(LOSS, policy=Accumulate()),
        "exact labels": change(LOSS, model=KernelRidge(loss=0.1, labels="noisy")),
    }
    for words, arm in cases.items():
        assert not curves(arm)[0] and words in dict(curves(arm)[1])["mobahi"]


def test_distillation_without_noise_draws_nothing() -> None:
    """With exact labels the loop is a function of the real labels; two copies change nothing."""
    once, twice = (
        simulate(distilled(Replace(), samples=Samples(real=11, synthetic=n)), 5) for n in (11, 22)
    )
    for metric in once.metrics:
        np.testing.assert_allclose(once[metric], twice[metric], rtol=1e-9)


def test_function() -> None:
    x = np.array([0.0, 0.1, 0.25])
    expected = (
        0.2 + np.sin(2 * np.pi * x) - 0.5 * np.sin(4 * np.pi * x) + 0.3 * np.cos(2 * np.pi * x)
    )
    np.testing.assert_allclose(WAVES.at(np, x), expected, rtol=1e-14)
    streams = Streams(range(2000))
    batch = WAVES.draw(streams, 0, "real", 5)
    residual = batch["y"] - WAVES.at(np, batch["x"][..., 0])
    assert np.all(z_test(residual, 0.0) < 0.06) and np.all(z_test(residual**2, 0.09) < 0.03)
    assert np.all(z_test(batch["x"][..., 0], 0.5) < 0.06)
    grid = SINE.draw(streams, 0, "real", 11)["x"]
    np.testing.assert_allclose(grid[7, :, 0], np.linspace(0, 1, 11), rtol=1e-15)
    curve = WAVES.truth(Streams((1,)))["curve"][0]
    assert abs(np.mean(curve**2) - (0.04 + 0.5 + 0.125 + 0.045)) < 1e-12


def test_cost_follows_the_kernel_matrix() -> None:
    """On 100 inputs a replicate holds several matrices of 128 x 128 numbers."""
    small, large = (
        estimate(distilled(Replace(), samples=Samples(real=n, synthetic=n)), False)
        for n in (11, 100)
    )
    assert large.bytes - small.bytes > 5 * 128**2 * 8 and large.seconds > 10 * small.seconds


def test_metrics() -> None:
    view = View(
        {
            "product": np.array([[0.0, 1e-200, 1e-200], [0.0, 0.0, 0.0], [0.5, 0.5, 0.5]]),
            "mean_square": np.array([2.0, 0.0, 1.0]),
            "curve": np.ones((3, 4)),
        },
        {"curve": np.array([[1.0, 1, 1, 3]] * 3)},
        {},
        {},
        {},
    )
    xp = runtime("numpy").xp
    np.testing.assert_allclose(EffectiveRank().measure(xp, view), [2.0, 0.0, 3.0])
    assert MeanSquare().measure(xp, view).tolist() == [2.0, 0.0, 1.0]
    assert Alive().measure(xp, view).tolist() == [1.0, 0.0, 1.0]
    assert ExcessRisk().measure(xp, view).tolist() == [1.0, 1.0, 1.0]


def test_refusals() -> None:
    with pytest.raises(ValidationError, match="either"):
        KernelRidge()
    with pytest.raises(ValidationError, match="either"):
        KernelRidge(ridge=0.1, loss=0.1)
    assert "function" in str(KernelRidge(ridge=0.1).refusal(SKEW))
    odd = distilled(Replace(), samples=Samples(real=11, synthetic=12))
    ((code, message, _),) = refusals(odd)
    assert code == "E204" and "11 inputs" in message
    assert "every sample" in decide(distilled(Replace())).because


def test_the_whole_family_is_in_the_standard() -> None:
    with strict.ArrayAPIStrictFlags(api_version="2024.12"):
        streams = Streams((1, 2))
        drawn = WAVES.draw(streams, 0, "real", 6)
        batch = {name: strict.asarray(np.array(values)) for name, values in drawn.items()}
        for model in (NOISY, DISTILLED):
            ones = strict.ones((2, 6), dtype=strict.float64)
            params = model.estimate(strict, model.statistics(strict, batch, ones))
            params = model.multiplied(strict, params, params)
            noise = {"e": strict.ones((2, 12), dtype=strict.float64)}
            for given in (params, {}):
                made = model.sample(strict, WAVES, given, noise, {"x": batch["x"]})
                assert made["x"].shape == (2, 12, 1) and made["y"].shape == (2, 12)
            assert model.evaluate(strict, WAVES, params, batch).shape == (2,)
            view = View(params, {"curve": params["curve"]}, {}, {}, {})
            for metric in (*SHAPE, Alive()):
                assert metric.measure(strict, view).shape == (2,)
