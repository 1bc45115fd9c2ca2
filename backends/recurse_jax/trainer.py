"""The trainer of every neural family in JAX: one compiled program per shape, replicates mapped.

A call of ``advance`` is one program with a dynamic number of steps: a last, shorter call is padded
and runs the same program.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax import Array, lax
from numpy.typing import NDArray

from recurse.backend import Wrapper
from recurse.families.neural import Neural
from recurse.numerics.arrays import Arrays, Host
from recurse.numerics.streams import Streams
from recurse.sources import Source
from recurse_jax import BACKEND, noise
from recurse_jax.runtime import JaxRuntime

Model = dict[str, Array]
"""Weights ``[R, ...]`` by name, or of one replicate inside of a map."""
Graph = Any
"""The structure of a module, without its weights."""


class Trainer:
    """``recurse.backend.Trainer``. Weights: float32 arrays ``[R, ...]``."""

    def __init__(
        self, runtime: JaxRuntime, family: Neural[Any], source: Source, streams: Streams
    ) -> None:
        self.runtime, self.family = runtime, family
        self.source, self.streams = source, streams
        self.names = tuple(family.weights(source))

    def begin(self, model: Arrays) -> Model:
        """The state of a training that begins at a model."""
        weights = {name: model[name] for name in self.names}
        state = dict(weights)
        for kind in ("first", "second"):
            for name, value in weights.items():
                state[f"{kind}/{name}"] = model.get(f"{kind}/{name}", jnp.zeros_like(value))
        state["steps"] = model.get("steps", jnp.zeros(len(self.streams.seeds), jnp.float32))
        if self.family.train.average is not None:
            for name, value in weights.items():
                state[f"average/{name}"] = model.get(f"average/{name}", value)
        return state

    def advance(
        self, state: Model, generation: int, first: int, batches: Host, rates: NDArray[np.float64]
    ) -> tuple[Model, NDArray[np.float64]]:
        """One optimiser step for each of ``rates``, and the losses before them ``[k, R]``."""
        keys = noise.keys(self.streams, generation, "training", self.family.noise(self.source))
        room = self.family.stride(self.source)
        fields = {name: _padded(values, room) for name, values in batches.items()}
        steps = _padded(rates.astype(np.float32), room)
        train = self.runtime.compile(_train, (0, 1))
        count = np.int32(len(rates))
        state, losses = train(
            self.family, self.source, state, fields, steps, keys, np.int32(first), count
        )
        return state, self.runtime.host(losses)[: len(rates)].astype(np.float64)

    def model(self, state: Model) -> Model:
        """Everything that ``begin`` would need to go on from here with the same bits."""
        return dict(state)

    def sample(
        self, model: Arrays, generation: int, purpose: str, index: int, n: int, wrapper: Wrapper
    ) -> Host:
        """``n`` samples per replicate."""
        wanted = self.family.sampling(self.source)
        keys = {
            when: noise.keys(self.streams, generation, f"{purpose}/{when}/{index}", requests)
            for when, requests in wanted._asdict().items()
        }
        draw = self.runtime.compile(_sample, (0, 1, 2, 3))
        fields = draw(self.family, self.source, wrapper, n, self._weights(model), keys)
        return {name: self.runtime.host(values) for name, values in fields.items()}

    def score(
        self, model: Arrays, generation: int, quantity: str, index: int, data: Host
    ) -> NDArray[np.float64]:
        """The family's quantity of data, each sample's: ``[R, n, ...]``."""
        requests = self.family.scoring(self.source, quantity)
        keys = noise.keys(self.streams, generation, f"evaluation/{quantity}/{index}", requests)
        look = self.runtime.compile(_score, (0, 1, 2))
        scores = look(self.family, self.source, quantity, self._weights(model), dict(data), keys)
        return self.runtime.host(scores).astype(np.float64)

    def _weights(self, model: Arrays) -> Model:
        return {name: model[name] for name in self.names}


def _train(
    family: Neural[Any],
    source: Source,
    state: Model,
    batches: Mapping[str, Array],
    rates: Array,
    keys: noise.Keys,
    first: Array,
    count: Array,
) -> tuple[Model, Array]:
    """``count`` steps over the first axis of ``batches``; losses ``[k, R]``, then zeros."""
    train, requests = family.train, family.noise(source)
    graphs, names = _graphs(family, source), tuple(family.weights(source))
    adam = optax.scale_by_adam(*train.betas)
    rows = next(iter(batches.values())).shape[2]
    slopes = jax.vmap(jax.value_and_grad(partial(_loss, family, graphs)))

    def step(index: Array, carry: tuple[Model, Array]) -> tuple[Model, Array]:
        state, losses = carry
        weights = {name: state[name] for name in names}
        batch = {name: values[index] for name, values in batches.items()}
        random = noise.draw(keys, first + index, requests, rows)
        loss, slope = slopes(weights, batch, random)
        if train.clip is not None:
            slope = jax.vmap(partial(shortened, longest=train.clip))(slope)
        count = jnp.max(state["steps"]).astype(jnp.int32)  # a replicate that broke has fewer
        moments = optax.ScaleByAdamState(count, _under(state, "first/"), _under(state, "second/"))
        updates, moments = adam.update(slope, moments)
        rate = rates[index]
        shrink = 1.0 - rate * train.weight_decay
        weights = {name: shrink * weights[name] - rate * updates[name] for name in names}
        new = {**weights, **_prefixed("first/", moments.mu), **_prefixed("second/", moments.nu)}
        new["steps"] = state["steps"] + 1.0
        if train.average is not None:
            rest = 1.0 - train.average.decay
            held = _under(state, "average/")
            mean = {name: held[name] + rest * (weights[name] - held[name]) for name in names}
            new |= _prefixed("average/", mean)
        return new, losses.at[index].set(loss)

    losses = jnp.zeros((rates.shape[0], len(state["steps"])), jnp.float32)
    found: tuple[Model, Array] = lax.fori_loop(0, count, step, (state, losses))
    return found


def _loss(
    family: Neural[Any], graphs: Mapping[str, Graph], weights: Model, batch: Model, random: Model
) -> Array:
    """The mean loss of one replicate's batch."""
    each = family.loss(jnp, _nets(graphs, weights), batch, random)
    mean: Array = jnp.mean(each * batch["weight"] if "weight" in batch else each)
    return mean


def _sample(
    family: Neural[Any],
    source: Source,
    wrapper: Wrapper,
    n: int,
    weights: Model,
    keys: Mapping[str, noise.Keys],
) -> Model:
    wanted, graphs = family.sampling(source), _graphs(family, source)

    def mapped(function: Callable[..., Model], *arguments: Any) -> Model:
        def one(weights: Model, *own: Any) -> Model:
            return function(wrapper.wrap(jnp, _nets(graphs, weights)), *own)

        found: Model = jax.vmap(one)(weights, *arguments)
        return found

    def one(index: Array, state: Model) -> Model:
        random = noise.draw(keys["round"], index, wanted.round, n)
        return mapped(lambda nets, s, z: family.round(jnp, nets, index, s, z), state, random)

    opening = noise.draw(keys["open"], 0, wanted.open, n)
    state = mapped(lambda nets, z: family.open(jnp, nets, z), opening)
    state = lax.fori_loop(0, family.rounds, one, state)
    closing = noise.draw(keys["close"], 0, wanted.close, n)
    return mapped(lambda nets, s, z: family.close(jnp, nets, s, z), state, closing)


def _score(
    family: Neural[Any],
    source: Source,
    quantity: str,
    weights: Model,
    data: Model,
    keys: noise.Keys,
) -> Array:
    graphs, rows = _graphs(family, source), next(iter(data.values())).shape[1]
    random = noise.draw(keys, 0, family.scoring(source, quantity), rows)

    def one(weights: Model, batch: Model, random: Model) -> Array:
        found: Array = family.score(jnp, _nets(graphs, weights), quantity, batch, random)
        return found

    scores: Array = jax.vmap(one)(weights, data, random)
    return scores


def shortened(slope: Model, longest: float) -> Model:
    """The gradient of one replicate, scaled to at most this norm."""
    norm = jnp.sqrt(sum(jnp.sum(value**2) for value in slope.values()))
    factor = longest / jnp.maximum(norm, longest)
    return {name: factor * value for name, value in slope.items()}


def _graphs(family: Neural[Any], source: Source) -> dict[str, Graph]:
    """The structure of every part, without weights."""
    found = {}
    for name, (net, port) in family.parts(source).items():
        build = partial(BACKEND.module(net), net, port)
        found[name] = nnx.split(nnx.eval_shape(build))[0]
    return found


def _nets(graphs: Mapping[str, Graph], weights: Model) -> dict[str, Callable[..., Array]]:
    """Networks of one replicate by part."""
    return {part: nnx.merge(graph, _state(weights, f"{part}.")) for part, graph in graphs.items()}


def _state(weights: Model, prefix: str) -> Any:
    """The weights of a part as the state of its module: names are paths of attributes."""
    flat: dict[tuple[Any, ...], Any] = {}
    for name, value in weights.items():
        if name.startswith(prefix):
            path = name.removeprefix(prefix).split(".")
            flat[tuple(int(p) if p.isdigit() else p for p in path)] = nnx.Param(value)
    return nnx.from_flat_state(flat)


def _under(model: Model, prefix: str) -> Model:
    """The arrays that are named with a prefix, without it."""
    return {k.removeprefix(prefix): v for k, v in model.items() if k.startswith(prefix)}


def _prefixed(prefix: str, model: Mapping[str, Array]) -> Model:
    return {prefix + name: value for name, value in model.items()}


def _padded(values: NDArray[Any], room: int) -> NDArray[Any]:
    """Zeros appended to the first axis up to ``room``."""
    return np.pad(values, [(0, room - len(values))] + [(0, 0)] * (values.ndim - 1))
