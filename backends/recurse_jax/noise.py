"""Device keys for training noise, one per seed, with all their 64 bits from a named stream.

``jax.random.key(int)`` keeps 32 bits of its seed unless 64-bit types are on, so it is never used.
"""

from __future__ import annotations

import jax
import numpy as np

from recurse.numerics.streams import Streams


def keys(streams: Streams, generation: int, purpose: str) -> jax.Array:
    """One key per seed of the block, ``[R]``."""
    sources = streams.generators(generation, f"device/{purpose}")
    words = np.stack([source.integers(0, 1 << 32, 2, dtype=np.uint32) for source in sources])
    keys: jax.Array = jax.random.wrap_key_data(jax.numpy.asarray(words), impl="threefry2x32")
    return keys


def normal(keys: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Standard normal float32 numbers ``[R, *shape]``, each replicate's its own."""
    return jax.vmap(lambda key: jax.random.normal(key, shape, jax.numpy.float32))(keys)


def uniform(keys: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Uniform float32 numbers in [0, 1), ``[R, *shape]``."""
    return jax.vmap(lambda key: jax.random.uniform(key, shape, jax.numpy.float32))(keys)
