"""The VAE on both backends: one objective, independent replicates, resumable, and it learns."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import recurse_jax.vae as on_jax
import recurse_torch.vae as on_torch
import torch
from numpy.typing import NDArray
from recurse_jax import noise as jax_noise
from recurse_torch import noise as torch_noise
from recurse_torch.runtime import TorchRuntime

from recurse.backend import Runtime, backends
from recurse.families.vae import Vae
from recurse.numerics.streams import Streams
from recurse.sources.digits import Digits
from tests.statistics_checks import z_test

SOURCE = Digits()
# Odd sizes, so that vector loops have tails and replicates start at unaligned addresses.
SMALL = Vae(hidden=(17,), latent=3, batch=13, epochs=2)
SEEDS = (0, 1, 2, 3, 4)


@pytest.fixture(scope="module", params=["torch", "jax"])
def runtime(request: pytest.FixtureRequest) -> Runtime:
    return backends()[request.param].start()


def build(runtime: Runtime, spec: Vae) -> Any:
    name = "torch" if isinstance(runtime, TorchRuntime) else "jax"
    return backends()[name].neural(runtime, spec, SOURCE)


def real(streams: Streams, n: int) -> dict[str, NDArray[Any]]:
    return SOURCE.draw(streams, 0, "real", n)


def on_host(runtime: Runtime, params: Any) -> dict[str, NDArray[Any]]:
    return {name: runtime.host(value) for name, value in params.items()}


def untrained(runtime: Runtime, spec: Vae, streams: Streams) -> Any:
    weights = spec.initial(streams, 0, SOURCE)
    return {name: runtime.array(value) for name, value in weights.items()}


def fitted(
    runtime: Runtime, spec: Vae, seeds: tuple[int, ...], data: dict[str, NDArray[Any]]
) -> tuple[dict[str, NDArray[Any]], NDArray[np.float64]]:
    streams, model = Streams(seeds), build(runtime, spec)
    params, loss = model.fit(streams, 0, data, untrained(runtime, spec, streams))
    return on_host(runtime, params), loss


def test_weights_keep_their_names_and_shapes(runtime: Runtime) -> None:
    """The result of a fit has the names, shapes and type of the shared initial weights."""
    start = SMALL.initial(Streams(SEEDS), 0, SOURCE)
    params, _ = fitted(runtime, SMALL, SEEDS, real(Streams(SEEDS), 40))
    wanted = {name: (len(SEEDS), *shape) for name, shape in SMALL.shapes(64).items()}
    for found in (start, params):
        assert {name: value.shape for name, value in found.items()} == wanted
        assert {value.dtype for value in found.values()} == {np.dtype(np.float32)}
    # Adam moves a weight by about the learning rate at most: a mix-up of names would show.
    for name, value in start.items():
        assert np.abs(params[name] - value).max() < 7 * SMALL.learning_rate


def test_initial_weights_are_uniform() -> None:
    """Mean 0 and variance bound^2 / 3, biases 0, every replicate and generation its own."""
    streams = Streams(range(300))
    start, later = (SMALL.initial(streams, generation, SOURCE) for generation in (0, 1))
    weight = start["encoder.0.weight"].astype(np.float64)
    assert np.abs(weight).max() <= 1 / 8
    moments = np.stack([weight.mean(axis=(1, 2)), (weight**2).mean(axis=(1, 2))], axis=1)
    assert (z_test(moments, [0.0, 1 / 192]) < 0.002).all()
    assert not start["decoder.1.bias"].any()
    assert not np.array_equal(weight[0], weight[1])
    assert not np.array_equal(start["decoder.0.weight"], later["decoder.0.weight"])


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("hidden", [(17,), (19, 11)])
def test_one_gradient_on_both_backends(likelihood: Any, hidden: tuple[int, ...]) -> None:
    """The written-out gradient is autograd's of the shared objective, and JAX's."""
    spec = SMALL.model_copy(update={"likelihood": likelihood, "hidden": hidden, "beta": 2.5})
    streams = Streams(SEEDS)
    start = spec.initial(streams, 0, SOURCE)
    image = real(streams, 13)["image"]
    eps = streams.generators(0, "eps")[0].standard_normal((5, 13, 3)).astype(np.float32)
    runtime = backends()["torch"].start()

    weights = {name: torch.tensor(value) for name, value in start.items()}
    slopes = {name: torch.full_like(value, torch.nan) for name, value in weights.items()}
    pixels, noise = torch.tensor(image), torch.tensor(eps)
    written = on_torch.gradient(spec, weights, slopes, pixels, noise)
    leaves = {name: value.requires_grad_() for name, value in weights.items()}
    coded = on_torch.forward(leaves, "encoder", spec.layers(), pixels)[-1]
    mean, logvar = coded.chunk(2, dim=-1)
    decoded = on_torch.forward(
        leaves, "decoder", spec.layers(), mean + torch.exp(0.5 * logvar) * noise
    )[-1]
    loss = -spec.elbo(runtime.xp, pixels, decoded, mean, logvar, spec.beta).mean(dim=1)
    loss.sum().backward()
    np.testing.assert_allclose(written[0].detach(), decoded.detach(), rtol=1e-5, atol=1e-6)

    state = on_jax._state({name: jnp.asarray(value) for name, value in start.items()})
    slope = jax.vmap(jax.value_and_grad(on_jax._loss), in_axes=(0, None, None, 0, 0))
    other, other_slopes = slope(state, on_jax._graph(spec, 64), spec, image, eps)
    named = on_jax._named(other_slopes)
    np.testing.assert_allclose(loss.detach(), other, rtol=1e-5)
    for name, leaf in leaves.items():
        assert leaf.grad is not None
        scale = float(leaf.grad.abs().max())
        np.testing.assert_allclose(slopes[name], leaf.grad, rtol=1e-5, atol=1e-5 * scale)
        np.testing.assert_allclose(named[name], leaf.grad, rtol=1e-5, atol=1e-5 * scale)


def test_one_fit_on_both_backends_without_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Order of batches, Adam and the reported loss agree: 15 steps stay within 1e-4."""
    spec = SMALL.model_copy(update={"epochs": 5, "learning_rate": 3.1e-3})
    monkeypatch.setattr(torch_noise, "normal", lambda g, s: torch.zeros(len(g), *s))
    monkeypatch.setattr(jax_noise, "normal", lambda k, s: jnp.zeros((len(k), *s), jnp.float32))
    data = real(Streams(SEEDS), 40)
    (left, left_loss), (right, right_loss) = (
        fitted(backends()[name].start(), spec, SEEDS, data) for name in ("torch", "jax")
    )
    np.testing.assert_allclose(left_loss, right_loss, rtol=1e-5)
    for name, value in left.items():
        np.testing.assert_allclose(value, right[name], atol=1e-4)


def test_backends_train_to_the_same_distribution() -> None:
    """Paired by seed: the mean difference of the test ELBO is zero (level 1e-6)."""
    spec = Vae(hidden=(64,), latent=4, batch=50, epochs=15)
    streams = Streams(range(24))
    data = real(streams, 300)
    bounds = []
    for name in ("torch", "jax"):
        runtime = backends()[name].start()
        model = build(runtime, spec)
        params, _ = model.fit(streams, 0, data, untrained(runtime, spec, streams))
        bounds.append(model.evaluate(streams, 0, params, SOURCE.heldout(), "elbo"))
    assert np.ptp(bounds[0]) > 0
    effect = z_test(bounds[0] - bounds[1], 0.0)
    assert effect < 0.5, f"the test would miss {effect} nats"


def test_a_replicate_does_not_depend_on_the_others(runtime: Runtime) -> None:
    """Alone to rounding; at another place of a block of the same width, bit for bit."""
    data = real(Streams(SEEDS), 40)
    block, loss = fitted(runtime, SMALL, SEEDS, data)
    alone, alone_loss = fitted(runtime, SMALL, (2,), {k: v[2:3] for k, v in data.items()})
    np.testing.assert_allclose(alone_loss[0], loss[2], rtol=1e-5)
    for name, value in block.items():
        np.testing.assert_allclose(alone[name][0], value[2], atol=2e-5)
    places = [4, 2, 0, 3, 1]
    moved, moved_loss = fitted(
        runtime, SMALL, tuple(places), {k: v[places] for k, v in data.items()}
    )
    np.testing.assert_array_equal(moved_loss, loss[places])
    for name, value in block.items():
        np.testing.assert_array_equal(moved[name], value[places])


def test_nan_stays_in_its_replicate(runtime: Runtime) -> None:
    data = real(Streams(SEEDS), 40)
    clean, _ = fitted(runtime, SMALL, SEEDS, data)
    broken = data["image"].copy()
    broken[3] = np.nan
    params, loss = fitted(runtime, SMALL, SEEDS, {"image": broken})
    assert np.isnan(loss).tolist() == [False, False, False, True, False]
    assert np.isnan(params["decoder.1.weight"][3]).all()
    for name, value in params.items():
        np.testing.assert_array_equal(np.delete(value, 3, 0), np.delete(clean[name], 3, 0))


def test_a_resumed_loop_has_the_same_bits(runtime: Runtime) -> None:
    """Three generations in a row, and each from what the last one stored, in a new model."""

    def step(generation: int, start: dict[str, NDArray[Any]] | None) -> Any:
        streams, model = Streams(SEEDS), build(runtime, SMALL)
        first = untrained(runtime, SMALL, streams)
        before = first if start is None else {k: runtime.array(v) for k, v in start.items()}
        data = real(streams, 40)
        if start is not None:
            data = model.sample(streams, generation, "synthetic", before, 40)
        params, _ = model.fit(streams, generation, data, before)
        return on_host(runtime, params)

    streams, model = Streams(SEEDS), build(runtime, SMALL)
    params, _ = model.fit(streams, 0, real(streams, 40), untrained(runtime, SMALL, streams))
    stored = step(0, None)
    for generation in (1, 2):
        data = model.sample(streams, generation, "synthetic", params, 40)
        params, _ = model.fit(streams, generation, data, params)
        stored = step(generation, {k: v.copy() for k, v in stored.items()})
    for name, value in on_host(runtime, params).items():
        np.testing.assert_array_equal(stored[name], value)


def test_fit_leaves_its_start_and_its_data_alone(runtime: Runtime) -> None:
    streams, model = Streams(SEEDS), build(runtime, SMALL)
    start, data = untrained(runtime, SMALL, streams), real(streams, 40)
    data["image"].flags.writeable = False
    before = {k: v.copy() for k, v in on_host(runtime, start).items()}
    params, _ = model.fit(streams, 0, data, start)
    for name, value in on_host(runtime, start).items():
        np.testing.assert_array_equal(value, before[name])
        assert not np.array_equal(runtime.host(params[name]), value)


def test_training_noise_is_new_in_every_step(runtime: Runtime) -> None:
    """With weights that stand still the loss changes by its noise, and is minus the ELBO (1e-6)."""
    streams = Streams(range(60))
    image = np.tile(real(streams, 1)["image"], (1, 13, 1))
    losses = []
    for epochs in (1, 2):
        spec = SMALL.model_copy(update={"epochs": epochs, "learning_rate": 1e-9})
        model = build(runtime, spec)
        params = {k: 3.0 * v for k, v in untrained(runtime, spec, streams).items()}
        losses.append(model.fit(streams, 0, {"image": image}, params)[1])
    assert (np.abs(losses[0] - losses[1]) > 1e-3).all()
    bound = model.evaluate(streams, 0, params, {"image": image}, "elbo")
    assert z_test(losses[0] + bound, 0.0) < 10, "of about 100 nats"


def test_a_warm_start_continues(runtime: Runtime) -> None:
    streams, model = Streams(SEEDS), build(runtime, SMALL)
    data, scratch = real(streams, 130), untrained(runtime, SMALL, streams)
    params, first = model.fit(streams, 0, data, scratch)
    _, again = model.fit(streams, 1, data, scratch)
    _, warm = model.fit(streams, 1, data, params)
    assert (warm < again - 1.0).all()
    assert (abs(again - first) < 1.0).all()


def test_it_learns_digits(runtime: Runtime) -> None:
    """The test ELBO beats an untrained model by 10 nats and independent pixels by 2."""
    spec = Vae(hidden=(256,), latent=8, batch=64, epochs=50)
    streams = Streams(range(2))
    data, heldout = real(streams, 1000), SOURCE.heldout()
    model = build(runtime, spec)
    start = untrained(runtime, spec, streams)
    params, loss = model.fit(streams, 0, data, start)
    bound = model.evaluate(streams, 0, params, heldout, "elbo")
    chance = np.clip(data["image"].mean(axis=1, dtype=np.float64), 1e-4, 1 - 1e-4)
    image = heldout["image"].astype(np.float64)
    pixels = image @ np.log(chance).T + (1 - image) @ np.log1p(-chance).T
    assert bound.dtype == loss.dtype == np.float64
    assert (bound > model.evaluate(streams, 0, start, heldout, "elbo") + 10).all()
    assert (bound > pixels.mean(axis=0) + 2).all()
    assert (abs(bound + loss) < 2).all(), "the training loss is the negative bound per image"
    drawn = model.sample(streams, 1, "synthetic", params, 2000)["image"]
    assert drawn.mean(axis=1) == pytest.approx(data["image"].mean(axis=1), abs=0.12)


def test_samples_are_images_keyed_by_seed_and_generation(runtime: Runtime) -> None:
    streams = Streams(SEEDS)
    model = build(runtime, SMALL)
    params = untrained(runtime, SMALL, streams)
    first = model.sample(streams, 1, "synthetic", params, 30)["image"]
    assert first.shape == (5, 30, 64) and first.dtype == np.float32
    assert 0 < first.min() and first.max() < 1
    again = model.sample(Streams(SEEDS), 1, "synthetic", params, 30)["image"]
    np.testing.assert_array_equal(first, again)
    other = model.sample(streams, 1, "evaluation", params, 30)["image"]
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, model.sample(streams, 2, "synthetic", params, 30)["image"])
    seeds = Streams([0, 1 << 32, 2, 3, 4])
    assert not np.array_equal(first[1], model.sample(seeds, 1, "synthetic", params, 30)["image"][1])


def test_samples_of_the_likelihood(runtime: Runtime) -> None:
    """Binary pixels have the decoder's mean; normal ones spread by ``scale`` (level 1e-6)."""
    streams = Streams(range(40))
    bernoulli = Vae(hidden=(17,), latent=3, scale=0.25, output="sample")
    for spec in (bernoulli, bernoulli.model_copy(update={"likelihood": "gaussian"})):
        model = build(runtime, spec)
        params = untrained(runtime, spec, streams)
        drawn = model.sample(streams, 1, "synthetic", params, 50)["image"]
        plain = build(runtime, spec.model_copy(update={"output": "mean"}))
        mean = plain.sample(streams, 1, "synthetic", params, 50)["image"]
        assert z_test((drawn - mean).mean(axis=(1, 2)), 0.0) < 0.02
        if spec.likelihood == "bernoulli":
            assert set(np.unique(drawn)) == {0.0, 1.0}
        else:
            assert z_test((drawn - mean).std(axis=(1, 2)), spec.scale) < 0.01


def test_evaluations(runtime: Runtime) -> None:
    """Shared and per-replicate data give one answer; the spread is that of a NumPy encoder."""
    streams, model = Streams(SEEDS), build(runtime, SMALL)
    params, heldout = untrained(runtime, SMALL, streams), SOURCE.heldout()
    wide = {"image": np.broadcast_to(heldout["image"], (5, *heldout["image"].shape))}
    for quantity in SMALL.quantities:
        shared = model.evaluate(streams, 0, params, heldout, quantity)
        np.testing.assert_array_equal(shared, model.evaluate(streams, 0, params, wide, quantity))
    own = on_host(runtime, params)
    hidden = heldout["image"] @ own["encoder.0.weight"] + own["encoder.0.bias"][:, None]
    means = np.maximum(hidden, 0) @ own["encoder.1.weight"] + own["encoder.1.bias"][:, None]
    spread = means[..., :3].astype(np.float64).var(axis=1).sum(axis=-1)
    found = model.evaluate(streams, 0, params, heldout, "latent_spread")
    np.testing.assert_allclose(found, spread, rtol=1e-5)


def test_one_elbo_on_both_backends() -> None:
    """Same weights, other noise: the means agree (level 1e-6)."""
    streams = Streams(range(40))
    weights = SMALL.initial(streams, 0, SOURCE)
    bounds = []
    for name in ("torch", "jax"):
        runtime = backends()[name].start()
        params = {k: runtime.array(3.0 * v) for k, v in weights.items()}
        model = build(runtime, SMALL)
        bounds.append(model.evaluate(streams, 0, params, SOURCE.heldout(), "elbo"))
    assert z_test(bounds[0] - bounds[1], 0.0) < 1.0, "of about 100 nats"


def test_the_global_torch_generator_is_not_used() -> None:
    before = torch.random.get_rng_state()
    runtime = backends()["torch"].start()
    fitted(runtime, SMALL, SEEDS, real(Streams(SEEDS), 40))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_growing_pool_seldom_compiles() -> None:
    runtime = backends()["jax"].start()
    fitted(runtime, SMALL, SEEDS, real(Streams(SEEDS), 520))
    compiled = runtime.compile_seconds()
    fitted(runtime, SMALL, SEEDS, real(Streams(SEEDS), 1000))
    assert runtime.compile_seconds() == compiled
