"""``recurse.nets.mlp`` in flax."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import jax.numpy as jnp
from flax import nnx
from jax import Array

import recurse.nets.mlp as spec
from recurse.nets import Port, features
from recurse_jax.nets.linear import Embedding, Linear

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": nnx.relu,
    "silu": nnx.silu,
    "gelu": partial(nnx.gelu, approximate=False),
    "tanh": jnp.tanh,
}


class MLP(nnx.Module):
    """Linear layers with an activation between them, for ``[n, *inputs]``."""

    def __init__(self, net: spec.MLP, port: Port) -> None:
        widths, first = net.widths(port), net.hidden[0]
        self.layers = nnx.List([Linear(i, o) for i, o in pairwise(widths)])
        self.frequencies, self.outputs = net.frequencies, port.outputs
        self.activation = ACTIVATIONS[net.activation]
        if port.time:
            self.time = Linear(2 * net.frequencies, first, bias=False)
        if port.classes:
            self.label = Embedding(port.classes + 1, first)

    def __call__(self, x: Array, time: Array | None = None, label: Array | None = None) -> Array:
        x = self.layers[0](x.reshape(len(x), -1))
        if time is not None:
            x = x + self.time(features(jnp, time, 2 * self.frequencies))
        if label is not None:
            x = x + self.label(label)
        for layer in self.layers[1:]:
            x = layer(self.activation(x))
        return x.reshape(len(x), *self.outputs)
