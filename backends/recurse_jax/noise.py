"""Device keys for training noise, one per seed, with all their 64 bits from a named stream.

``jax.random.key(int)`` keeps 32 bits of its seed unless 64-bit types are on, so it is never used.
"""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from recurse.numerics.streams import Draw, Integers, Normal, Streams, Uniform

Keys = dict[str, jax.Array]
"""One key per seed ``[R]``, by the name of a request."""


def keys(streams: Streams, generation: int, purpose: str, requests: Mapping[str, Draw]) -> Keys:
    """Keys of every request."""
    return {name: _keys(streams, generation, f"{purpose}/{name}") for name in requests}


def draw(
    found: Keys, index: jax.Array | int, requests: Mapping[str, Draw], rows: int
) -> dict[str, jax.Array]:
    """Every request for each of ``rows``, the numbers of place ``index``: ``[R, rows, *shape]``."""
    return {
        name: jax.vmap(
            lambda key, request=request: _numbers(
                request, (rows, *request.shape), jax.random.fold_in(key, index)
            )
        )(found[name])
        for name, request in requests.items()
    }


def _keys(streams: Streams, generation: int, purpose: str) -> jax.Array:
    sources = streams.generators(generation, f"device/{purpose}")
    words = np.stack([source.integers(0, 1 << 32, 2, dtype=np.uint32) for source in sources])
    found: jax.Array = jax.random.wrap_key_data(jnp.asarray(words), impl="threefry2x32")
    return found


def _numbers(request: Draw, shape: tuple[int, ...], key: jax.Array) -> jax.Array:
    if isinstance(request, Normal):
        return jax.random.normal(key, shape, jnp.float32)
    if isinstance(request, Uniform):
        return jax.random.uniform(key, shape, jnp.float32)
    if isinstance(request, Integers):
        return jax.random.randint(key, shape, 0, request.high)
    raise TypeError(f"{type(request).__name__} is not drawn on a device")
