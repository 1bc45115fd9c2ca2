"""Layers with torch's names and layouts, so that weights of one backend load in the other."""

from __future__ import annotations

import jax.numpy as jnp
from flax import nnx
from jax import Array


class Linear(nnx.Module):
    """``x W^T + b`` for ``x [n, in]``; weight ``[out, in]``, bias ``[out]`` or none."""

    def __init__(self, fan_in: int, fan_out: int, bias: bool = True) -> None:
        self.weight = nnx.Param(jnp.zeros((fan_out, fan_in), jnp.float32))
        self.bias = nnx.Param(jnp.zeros(fan_out, jnp.float32)) if bias else None

    def __call__(self, x: Array) -> Array:
        product: Array = x @ self.weight[...].T
        return product if self.bias is None else product + self.bias[...]


class Embedding(nnx.Module):
    """The vector of every number: ``[n]`` integers to ``[n, width]``."""

    def __init__(self, count: int, width: int) -> None:
        self.weight = nnx.Param(jnp.zeros((count, width), jnp.float32))

    def __call__(self, index: Array) -> Array:
        found: Array = self.weight[...][index]
        return found
