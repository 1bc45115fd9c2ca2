"""The promises of every family, on every backend and in both lowerings. Kinds are discovered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurse.backend import backends
from recurse.families.memoriser import Memoriser
from recurse.families.neural import Neural
from recurse.families.ngram import Ngram
from recurse.families.roles import Conditional, Pointwise
from recurse.families.training import Training
from recurse.families.vae import Vae
from recurse.lowering.decision import decide
from recurse.metrics.diversity import Diversity
from recurse.metrics.elbo import Elbo
from recurse.nets.mlp import MLP
from recurse.numerics.streams import Streams
from recurse.policies.accumulate import Accumulate
from recurse.scenario.scenario import Arm, Samples
from recurse.sources.categorical import CategoricalSource
from recurse.sources.digits import Digits
from recurse.spec import kinds
from tests.closed_arms import EVERYTHING, FRESH_DESIGN, least_squares, normal
from tests.discrete_arms import frequencies
from tests.glm_arms import EVERY, NEW_CLASSES, NEW_NUMBERS, labelled
from tests.gmm_arms import clusters, opposite
from tests.harness import change, operations, runtime, simulate
from tests.kde_arms import PLANE, SEEN, kernels
from tests.kernel_arms import WAVES, distilled
from tests.neural_arms import ARMS
from tests.scalar_arms import LIKELY, MODELS, WIDE, scalar
from tests.text_arms import NLL, grams

SEEDS = (4, 0, 11)
ZIPF = CategoricalSource(form="zipf", symbols=300)
EXAMPLES: dict[str, Arm] = {
    "gaussian": normal(Accumulate(), generations=3, metrics=EVERYTHING),
    "linear": least_squares(Accumulate(), generations=3, source=FRESH_DESIGN),
    "categorical": frequencies(Accumulate(), generations=3),
    "memoriser": frequencies(Accumulate(), generations=3, model=Memoriser(), source=ZIPF),
    **{kind: scalar(kind, Accumulate(), generations=3, metrics=LIKELY) for kind in MODELS},
    "logistic": labelled(NEW_CLASSES, Accumulate(), generations=3, metrics=EVERY[:3]),
    "poisson_regression": labelled(NEW_NUMBERS, Accumulate(), generations=3, metrics=EVERY[:3]),
    "gmm": clusters(Accumulate(), generations=3, metrics=SEEN),
    "symmetric_gmm": opposite(Accumulate(), generations=3, metrics=SEEN),
    "kernel_ridge": distilled(Accumulate(), generations=3, source=WAVES),
    "ngram": grams(Accumulate(), generations=3, model=Ngram(symbols=4, smoothing=0.5), metrics=NLL),
    "kde": kernels(Accumulate(), generations=3, source=PLANE),
    "laplace": scalar("location", Accumulate(), generations=3, model=WIDE, metrics=LIKELY),
    "vae": Arm(
        source=Digits(),
        model=Vae(net=MLP(hidden=(8,)), latent=2, train=Training(epochs=2, batch=16)),
        policy=Accumulate(),
        samples=Samples(real=40, synthetic=40),
        backend="torch",
        generations=2,
        metrics=(Elbo(), Diversity(samples=20)),
    ),
}
EXAMPLES = {k: arm for k, arm in ARMS.items() if k == arm.model.kind} | EXAMPLES
"""A small arm for each family; a new family without one fails here."""

PAIRS = [
    (family, backend)
    for family, kind in kinds("model").items()
    for backend, declared in backends().items()
    if not kind.trained or declared.trainer
]
CLOSED = [(f, b) for f, b in PAIRS if not kinds("model")[f].trained]
SUMMED = [(f, b) for f, b in CLOSED if not isinstance(EXAMPLES[f].model, Pointwise)]
LAWS = [(f, b) for f, b in SUMMED if EXAMPLES[f].source.law == f]
"""Families that some source is a law of; the others are fitted to what they are not."""


def put(backend: str, arrays: Any) -> dict[str, Any]:
    return {name: runtime(backend).array(np.array(v)) for name, v in arrays.items()}


def host(backend: str, arrays: Any) -> dict[str, Any]:
    return {name: runtime(backend).host(v) for name, v in arrays.items()}


def sample_noise(model: Any, source: Any, streams: Streams, n: int) -> dict[str, Any]:
    """The arguments of ``sample`` for the true model."""
    drawn: dict[str, Any] = streams.draws(1, "synthetic", model.noise(source, n))
    if isinstance(model, Conditional):
        given = model.given_samples(source, n, source.truth(streams), drawn)
        drawn |= streams.given(1, "synthetic", given)
    return drawn


def law_noise(model: Any, source: Any, streams: Streams, n: int) -> dict[str, Any]:
    """The arguments of ``sample_statistics`` for the true model."""
    drawn: dict[str, Any] = streams.draws(1, "synthetic", model.statistics_noise(source, n))
    if isinstance(model, Conditional):
        given = model.given(source, n, source.truth(streams))
        drawn |= streams.given(1, "synthetic", given)
    return drawn


def test_every_family_has_an_example() -> None:
    assert EXAMPLES.keys() == kinds("model").keys()


@pytest.mark.parametrize(("family", "backend"), PAIRS)
def test_runs(family: str, backend: str) -> None:
    """Finite numbers ``[G+1, R]`` in float64, the same on a second run, different between seeds."""
    arm = change(EXAMPLES[family], backend=backend)
    for exact in (True, False) if decide(arm).lowering == "statistics" else (False,):
        found, again = (simulate(arm, SEEDS, exact) for _ in range(2))
        assert {metric.kind for metric in arm.metrics} <= found.metrics
        assert found.whole.all()
        for metric in found.metrics:
            values = found[metric]
            assert values.shape == (arm.generations + 1, len(SEEDS))
            assert values.dtype == np.float64 and np.isfinite(values).all()
            assert np.array_equal(values, again[metric])
            assert len(np.unique(values[-1])) == len(SEEDS)


@pytest.mark.parametrize(("family", "backend"), SUMMED)
def test_closed_form(family: str, backend: str) -> None:
    """Statistics add up, weights count samples, and estimates keep names, shapes and float64."""
    arm, xp = EXAMPLES[family], runtime(backend).xp
    model: Any = arm.model.completed(arm.source)
    source, streams = arm.source, Streams(SEEDS)
    drawn = source.draw(streams, 0, "real", 30)
    batch = {name: drawn[name] for name in model.needs}

    def summed(part: slice, weights: Any) -> Any:
        taken = put(backend, {name: v[:, part] for name, v in batch.items()})
        return model.statistics(xp, taken, runtime(backend).array(np.array(weights)))

    ones = np.ones((3, 30))
    everything = summed(slice(None), ones)
    parts = [summed(slice(a, b), ones[:, a:b]) for a, b in ((0, 7), (7, 8), (8, 30))]
    left = model.merge(xp, model.merge(xp, parts[0], parts[1]), parts[2])
    right = model.merge(xp, parts[0], model.merge(xp, parts[2], parts[1]))
    heavy, double = ones.copy(), summed(slice(0, 9), 2 * ones[:, :9])
    heavy[:, 20:] = 0.0
    same = {
        "merged": (left, everything),
        "in another order": (right, everything),
        "weight two": (double, model.merge(xp, *[summed(slice(0, 9), ones[:, :9])] * 2)),
        "weighed later": (model.scale(xp, summed(slice(0, 9), ones[:, :9]), 2.0), double),
        "weight zero": (summed(slice(None), heavy), summed(slice(0, 20), ones[:, :20])),
    }
    for case, (first, second) in same.items():
        ours, theirs = host(backend, first), host(backend, second)
        assert ours.keys() == theirs.keys()
        for name, values in ours.items():
            assert values.dtype == np.float64 and len(values) == 3
            np.testing.assert_allclose(values, theirs[name], rtol=1e-11, atol=1e-12, err_msg=case)
    params = model.estimate(xp, everything)
    truth = source.truth(streams) if source.law == family else {}
    for name, values in host(backend, params).items():
        assert values.dtype == np.float64 and len(values) == 3
        assert not truth or values.shape == truth[name].shape


@pytest.mark.parametrize(("family", "backend"), LAWS)
@pytest.mark.parametrize("n", [1, 2, 17])
def test_closed_form_samples(family: str, backend: str, n: int) -> None:
    """Samples have the declared fields; statistics drawn directly are accepted by ``merge``."""
    arm, xp = EXAMPLES[family], runtime(backend).xp
    model: Any = arm.model
    source, streams = arm.source, Streams(SEEDS)
    params = put(backend, source.truth(streams))
    noise = put(backend, sample_noise(model, source, streams, n))
    batch = model.sample(xp, source, params, noise, {})
    fields = model.fields(source)
    assert {k: v.shape for k, v in host(backend, batch).items()} == {
        name: (3, n, *shape) for name, shape in fields.items()
    }
    noise = put(backend, law_noise(model, source, streams, n))
    drawn = model.sample_statistics(xp, source, n, params, noise, {})
    summed = model.statistics(xp, batch, xp.ones((3, n), dtype=xp.float64))
    joined = host(backend, model.merge(xp, drawn, summed))
    assert joined["count"].tolist() == [2.0 * n] * 3
    assert all(np.isfinite(values).all() for values in joined.values())


@pytest.mark.parametrize("backend", backends())
@pytest.mark.parametrize("family", ["gaussian", "linear"])
def test_log_density(family: str, backend: str) -> None:
    """``evaluate`` is the mean log-density, against scipy's."""
    from scipy import stats

    arm, xp = EXAMPLES[family], runtime(backend).xp
    model: Any = arm.model
    source: Any = arm.source
    streams = Streams(SEEDS)
    truth, data = source.truth(streams), source.draw(streams, 0, "heldout", 25)
    arrays = put(backend, truth), put(backend, data)
    found = runtime(backend).host(model.evaluate(xp, source, *arrays))
    for r in range(3):
        if family == "gaussian":
            law = stats.multivariate_normal(truth["mean"][r], truth["covariance"][r])
            expected = law.logpdf(data["x"][r]).mean()
        else:
            expected = stats.norm(data["x"][r] @ truth["coef"][r], source.noise).logpdf(
                data["y"][r]
            )
        np.testing.assert_allclose(found[r], np.mean(expected), rtol=1e-12)


@pytest.mark.parametrize("backend", [b for f, b in PAIRS if f == "vae"])
def test_neural(backend: str) -> None:
    """Names and shapes of weights and samples are the family's; float32; replicates first."""
    arm = change(EXAMPLES["vae"], backend=backend)
    ops = operations(arm, SEEDS)
    ops.pools.add(next(iter(arm.schedule[0].uses)).pool, ops.real(40))
    params, recorded = ops.fit(0, ops.pools.gather(arm.schedule[0]), None)
    assert isinstance(arm.model, Neural)
    shapes = {name: weight.shape for name, weight in arm.model.weights(arm.source).items()}
    found = host(backend, params)
    assert {name: v.shape[1:] for name, v in found.items()} == shapes
    assert all(v.dtype == np.float32 and len(v) == 3 for v in found.values())
    assert recorded["train_loss"].shape == (3,)
    batch, _ = ops.synthesise(1, params, 5)
    image = batch.fields["image"]
    assert image.shape == (3, 5, 64) and image.dtype == np.float32
    assert ops.images(0, params) is None
