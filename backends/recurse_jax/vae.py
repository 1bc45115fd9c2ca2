"""The variational autoencoder in JAX: flax modules, optax, and one compiled program per fit.

A fit is a loop with a dynamic number of steps over a bank of images that is padded to a power of
two, so that pools that grow from generation to generation seldom compile anew.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax import Array, lax
from numpy.typing import NDArray

from recurse.families.vae import DRAWS, Vae
from recurse.numerics.arrays import Arrays, Host
from recurse.numerics.streams import Streams
from recurse.sources import Source
from recurse_jax import noise
from recurse_jax.runtime import JaxRuntime

Each = Callable[[Any, Array], Array]
"""A function of every replicate's state and an array ``[R, ...]``."""


class Coder(nnx.Module):
    """Linear layers with ReLU between them: the encoder, or the decoder."""

    def __init__(self, widths: tuple[int, ...], rngs: nnx.Rngs) -> None:
        self.layers = nnx.List([nnx.Linear(i, o, rngs=rngs) for i, o in pairwise(widths)])

    def __call__(self, x: Array) -> Array:
        for layer in self.layers[:-1]:
            x = nnx.relu(layer(x))
        found: Array = self.layers[-1](x)
        return found


class Network(nnx.Module):
    """Encoder and decoder of one replicate."""

    def __init__(self, spec: Vae, pixels: int, rngs: nnx.Rngs) -> None:
        self.latent = spec.latent
        self.encoder = Coder((pixels, *spec.hidden, 2 * spec.latent), rngs)
        self.decoder = Coder((spec.latent, *reversed(spec.hidden), pixels), rngs)

    def posterior(self, image: Array) -> tuple[Array, Array]:
        """Mean and log-variance of the code, ``[n, latent]`` each."""
        coded = self.encoder(image)
        return coded[..., : self.latent], coded[..., self.latent :]

    def __call__(self, image: Array, eps: Array) -> tuple[Array, Array, Array]:
        """The decoder's output, the posterior's mean and its log-variance."""
        mean, logvar = self.posterior(image)
        return self.decoder(mean + jnp.exp(0.5 * logvar) * eps), mean, logvar


class VAE:
    """``recurse.families.vae.Vae`` for one block. Parameters: float32 arrays ``[R, ...]``."""

    def __init__(self, runtime: JaxRuntime, spec: Vae, source: Source) -> None:
        self.runtime, self.spec, self.source = runtime, spec, source

    def fit(
        self, streams: Streams, generation: int, data: Host, start: Arrays
    ) -> tuple[dict[str, Array], NDArray[np.float64]]:
        """Weights trained from ``start``, and the mean training loss of the last epoch ``[R]``."""
        images = np.asarray(data["image"], np.float32)
        order = self.spec.order(streams, generation, images.shape[1]).astype(np.int32)
        steps, room = order.shape[1], 1 << (images.shape[1] - 1).bit_length()
        keys = noise.keys(streams, generation, "training")
        train = self.runtime.compile(_train, (0,))
        params, loss = train(
            self.spec,
            dict(start),
            _padded(images, room),
            _padded(order, self.spec.epochs * (room // self.spec.batch)),
            keys,
            np.int32(steps),
            np.int32(steps // self.spec.epochs),
        )
        return params, self.runtime.host(loss).astype(np.float64)

    def sample(
        self, streams: Streams, generation: int, purpose: str, params: Arrays, n: int
    ) -> Host:
        """``n`` images per replicate, ``{"image": float32 [R, n, pixels]}``."""
        code = noise.keys(streams, generation, f"{purpose}/code")
        pixels = noise.keys(streams, generation, f"{purpose}/pixels")
        draw = self.runtime.compile(_sample, (0, 1))
        return {"image": self.runtime.host(draw(self.spec, n, dict(params), code, pixels))}

    def evaluate(
        self, streams: Streams, generation: int, params: Arrays, data: Host, quantity: str
    ) -> NDArray[np.float64]:
        """``elbo`` (nats per image) or ``latent_spread`` of held-out images, ``[R]``."""
        image = np.asarray(data["image"], np.float32)
        image = np.broadcast_to(image, (len(streams.seeds), *image.shape[-2:]))
        if quantity == "latent_spread":
            means = self.runtime.compile(_means, (0,))(self.spec, dict(params), image)
            return self.spec.spread(self.runtime.host(means))
        keys = noise.keys(streams, generation, "evaluation")
        bounds = self.runtime.compile(_bounds, (0,))(self.spec, dict(params), image, keys)
        mean: NDArray[np.float64] = np.mean(self.runtime.host(bounds), (0, 2), np.float64)
        return mean


def _train(
    spec: Vae,
    start: dict[str, Array],
    images: Array,
    order: Array,
    keys: Array,
    steps: Array,
    last: Array,
) -> tuple[dict[str, Array], Array]:
    """Adam over ``steps`` rows of ``order [R, padded, batch]``; the mean loss of the ``last``."""
    network = _graph(spec, images.shape[-1])
    adam = optax.adam(spec.learning_rate)
    slopes = jax.vmap(jax.value_and_grad(_loss), in_axes=(0, None, None, 0, 0))
    state = _state(start)

    def step(index: Array, carry: tuple[Any, Any, Array]) -> tuple[Any, Any, Array]:
        state, moments, total = carry
        rows = lax.dynamic_index_in_dim(order, index, axis=1, keepdims=False)
        image = jax.vmap(lambda bank, row: bank[row])(images, rows)
        eps = noise.normal(
            jax.vmap(lambda key: jax.random.fold_in(key, index))(keys),
            (order.shape[2], spec.latent),
        )
        loss, slope = slopes(state, network, spec, image, eps)
        updates, moments = adam.update(slope, moments)
        counted = jnp.where(index >= steps - last, loss, jnp.zeros_like(loss))
        return optax.apply_updates(state, updates), moments, total + counted

    total = jnp.zeros(images.shape[0], jnp.float32)
    state, _, total = lax.fori_loop(0, steps, step, (state, adam.init(state), total))
    return _named(state), total / last


def _loss(state: Any, network: Any, spec: Vae, image: Array, eps: Array) -> Array:
    """The mean loss of one replicate's batch."""
    decoded, mean, logvar = _model(network, state)(image, eps)
    return -jnp.mean(spec.elbo(jnp, image, decoded, mean, logvar, spec.beta))


def _sample(spec: Vae, n: int, params: dict[str, Array], code: Array, pixels: Array) -> Array:
    network = _graph(spec, params[f"decoder.{spec.layers() - 1}.bias"].shape[-1])
    decode: Each = jax.vmap(lambda state, z: _model(network, state).decoder(z))
    decoded = decode(_state(params), noise.normal(code, (n, spec.latent)))
    drawn = None
    if spec.output == "sample":
        draw = noise.uniform if spec.likelihood == "bernoulli" else noise.normal
        drawn = draw(pixels, decoded.shape[1:])
    image: Array = spec.image(jnp, decoded, drawn)
    return image


def _means(spec: Vae, params: dict[str, Array], image: Array) -> Array:
    network = _graph(spec, image.shape[-1])
    encode: Each = jax.vmap(lambda state, x: _model(network, state).posterior(x)[0])
    return encode(_state(params), image)


def _bounds(spec: Vae, params: dict[str, Array], image: Array, keys: Array) -> Array:
    """The bound of every image with every latent draw, ``[draws, R, n]``."""
    network, state = _graph(spec, image.shape[-1]), _state(params)

    def one(eps: Array) -> Array:
        outputs = jax.vmap(lambda s, x, e: _model(network, s)(x, e))(state, image, eps)
        bound: Array = spec.elbo(jnp, image, *outputs)
        return bound

    eps = noise.normal(keys, (DRAWS, image.shape[1], spec.latent))
    bounds: Array = lax.map(one, jnp.swapaxes(eps, 0, 1))
    return bounds


def _graph(spec: Vae, pixels: int) -> Any:
    """The network without its weights."""
    shape = nnx.eval_shape(lambda: Network(spec, pixels, nnx.Rngs(0)))
    return nnx.split(shape)[0]


def _model(graph: Any, state: Any) -> Network:
    model: Network = nnx.merge(graph, state)
    return model


_LEAF = {"weight": "kernel", "bias": "bias"}
_NAME = {leaf: name for name, leaf in _LEAF.items()}


def _state(params: dict[str, Array]) -> Any:
    """Parameters by name as the state of a ``Network``."""
    flat: dict[tuple[Any, ...], Any] = {}
    for name, value in params.items():
        part, layer, leaf = name.split(".")
        flat[part, "layers", int(layer), _LEAF[leaf]] = nnx.Param(value)
    return nnx.from_flat_state(flat)


def _named(state: Any) -> dict[str, Array]:
    """The reverse of ``_state``."""
    flat = nnx.to_flat_state(state)
    return {f"{part}.{layer}.{_NAME[str(leaf)]}": v[...] for (part, _, layer, leaf), v in flat}


def _padded(values: NDArray[Any], size: int) -> NDArray[Any]:
    """Zeros appended to the second axis up to ``size``."""
    extra = size - values.shape[1]
    return np.pad(values, [(0, 0), (0, extra)] + [(0, 0)] * (values.ndim - 2))
