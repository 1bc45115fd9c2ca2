"""The variational autoencoder: its bound by hand, its samples, its spread, and that it learns.

What it shares with all neural families is tested in ``tests.test_trainers``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from recurse.families.training import Training
from recurse.families.vae import Vae
from recurse.nets.mlp import MLP
from recurse.numerics.streams import Normal, Streams, Uniform
from recurse.policies.accumulate import Accumulate
from recurse.samplers.none import NoSampler
from recurse.scenario.scenario import Samples
from tests.given_noise import given, inject
from tests.harness import change, operations, simulate
from tests.neural_arms import ARMS, DIGITS, SEEDS, TRAINERS, digits, put, trainer, weights
from tests.statistics_checks import z_test

SMALL = Vae(net=MLP(hidden=(17,)), latent=3, scale=0.25)
HELD = DIGITS.heldout()["image"][:40]


def layers(own: dict[str, NDArray[Any]], part: str, x: NDArray[Any]) -> NDArray[np.float64]:
    """Both layers of a part of one replicate, in NumPy."""
    w = {k: v.astype(np.float64) for k, v in own.items() if k.startswith(part)}
    hidden = x @ w[f"{part}.layers.0.weight"].T + w[f"{part}.layers.0.bias"]
    found = np.maximum(hidden, 0) @ w[f"{part}.layers.1.weight"].T + w[f"{part}.layers.1.bias"]
    return np.asarray(found)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("backend", TRAINERS)
def test_the_bound_by_hand(backend: str, likelihood: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """log p(x|z) by scipy, minus the KL of the code: each image's, relative 1e-5. The loss has
    beta, the reported bound has not."""
    inject(monkeypatch)
    family = SMALL.model_copy(update={"likelihood": likelihood, "beta": 2.5})
    model = weights(family)
    image = np.broadcast_to(HELD, (len(SEEDS), *HELD.shape))
    one, placed = trainer(backend, family), put(backend, model)
    found = one.score(placed, 1, "elbo", 0, {"image": image})
    code = given(family.noise(DIGITS), len(SEEDS), len(HELD))["code"].astype(np.float64)
    losses = one.advance(one.begin(placed), 0, 0, {"image": image[None]}, np.zeros(1))[1]
    for r in range(len(SEEDS)):
        own = {k: v[r] for k, v in model.items()}
        coded = layers(own, "encoder", HELD.astype(np.float64))
        mean, logvar = coded[:, :3], coded[:, 3:]
        decoded = layers(own, "decoder", mean + np.exp(0.5 * logvar) * code[r])
        if likelihood == "bernoulli":
            # Pixels are between 0 and 1: the cross-entropy, as everybody does.
            likely = -HELD * np.logaddexp(0, -decoded) - (1.0 - HELD) * np.logaddexp(0, decoded)
        else:
            likely = stats.norm(decoded, 0.25).logpdf(HELD)
        divergence = (0.5 * (mean**2 + np.exp(logvar) - 1 - logvar)).sum(axis=1)
        np.testing.assert_allclose(found[r], likely.sum(axis=1) - divergence, rtol=1e-5)
        expected = (2.5 * divergence - likely.sum(axis=1)).mean()
        np.testing.assert_allclose(losses[0, r], expected, rtol=1e-5)


@pytest.mark.parametrize("backend", TRAINERS)
def test_the_spread_is_that_of_a_numpy_encoder(backend: str) -> None:
    """The trace of the covariance of the codes' means."""
    model, family = weights(SMALL), SMALL
    image = np.broadcast_to(HELD, (len(SEEDS), *HELD.shape))
    scores = trainer(backend, family).score(
        put(backend, model), 0, "latent_spread", 0, {"image": image}
    )
    assert scores.shape == (len(SEEDS), len(HELD), 3)
    found = family.summary("latent_spread", scores)
    for r in range(len(SEEDS)):
        means = layers({k: v[r] for k, v in model.items()}, "encoder", HELD)[:, :3]
        expected = np.trace(np.cov(means.T, bias=True))
        np.testing.assert_allclose(found[r], expected, rtol=1e-5)
    np.testing.assert_allclose(family.summary("elbo", scores[..., 0]), scores[..., 0].mean(axis=1))


@pytest.mark.parametrize("backend", TRAINERS)
def test_samples_of_the_likelihood(backend: str) -> None:
    """Binary pixels have the decoder's mean; normal ones spread by ``scale`` (level 1e-6)."""
    seeds = tuple(range(40))
    drawing = SMALL.model_copy(update={"output": "sample"})
    model = put(backend, {k: 3 * v for k, v in weights(SMALL, seeds=seeds).items()})
    for family in (drawing, drawing.model_copy(update={"likelihood": "gaussian"})):
        pixels = family.sampling(DIGITS).close["pixels"]
        binary = family.likelihood == "bernoulli"
        assert isinstance(pixels, Uniform if binary else Normal)
        plain = family.model_copy(update={"output": "mean"})
        drawn, mean = (
            trainer(backend, each, seeds=seeds).sample(model, 1, "s", 0, 50, NoSampler())["image"]
            for each in (family, plain)
        )
        assert mean.shape == (40, 50, 64) and not plain.sampling(DIGITS).close
        assert not binary or (mean.min() >= 0 and mean.max() <= 1)
        assert z_test((drawn - mean).mean(axis=(1, 2)), 0.0) < 0.02
        leaning = (drawn - mean) * (mean - mean.mean())  # a dark pixel is seldom drawn bright
        assert z_test(leaning.mean(axis=(1, 2)), 0.0) < 0.1 * mean.var()
        if binary:
            assert set(np.unique(drawn)) == {0.0, 1.0}
        else:
            assert z_test((drawn - mean).std(axis=(1, 2)), family.scale) < 0.01


@pytest.mark.parametrize("backend", TRAINERS)
def test_it_learns_digits(backend: str) -> None:
    """The test ELBO beats an untrained model by 10 nats and independent pixels by 2."""
    family = Vae(net=MLP(hidden=(256,)), train=Training(batch=64, epochs=50, learning_rate=2e-3))
    arm = digits(
        family,
        backend=backend,
        generations=0,
        samples=Samples(real=1000, synthetic=0),
        metrics=ARMS["vae"].metrics[:1],
    )
    ops = operations(arm, (0, 1))
    found = simulate(arm, (0, 1), ops=ops, keep=(0,))
    data = DIGITS.draw(Streams((0, 1)), 0, "real", 1000)["image"]
    untrained = change(arm, model=family.model_copy(
        update={"train": Training(batch=64, steps=1, learning_rate=1e-9)}
    ))  # fmt: skip
    bound, loss = found["elbo"][0], found["train_loss"][0]
    assert (bound > simulate(untrained, (0, 1))["elbo"][0] + 10).all()
    chance = np.clip(data.mean(axis=1, dtype=np.float64), 1e-4, 1 - 1e-4)
    image = DIGITS.heldout()["image"].astype(np.float64)
    pixels = image @ np.log(chance).T + (1 - image) @ np.log1p(-chance).T
    assert (bound > pixels.mean(axis=0) + 2).all()
    assert (abs(bound + loss) < 2).all(), "the training loss is the negative bound per image"
    params = put(backend, found.saved[0].params)
    drawn, _ = ops.synthesise(1, params, 2000)
    assert drawn.fields["image"].mean(axis=1) == pytest.approx(data.mean(axis=1), abs=0.12)


@pytest.mark.parametrize("backend", TRAINERS)
def test_a_warm_start_continues(backend: str) -> None:
    """It begins where the last fit has ended; from scratch it begins where that has begun."""
    family = SMALL.model_copy(update={"train": Training(batch=13, epochs=3, learning_rate=2e-3)})
    arm = digits(
        family,
        backend=backend,
        policy=Accumulate(),
        samples=Samples(real=130, synthetic=0),
        generations=1,
    )
    warm, scratch = (simulate(change(arm, start=s), SEEDS) for s in ("warm", "scratch"))
    assert (warm["train_loss"][1] < warm["train_loss"][0] - 1.0).all()
    assert (abs(scratch["train_loss"][1] - scratch["train_loss"][0]) < 1.5).all()
    np.testing.assert_array_equal(warm["train_loss"][0], scratch["train_loss"][0])
