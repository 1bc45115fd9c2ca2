"""The JAX backend: what it offers. Nothing here imports JAX."""

from __future__ import annotations

from recurse.backend import Backend

BACKEND = Backend(
    name="jax",
    runtime="recurse_jax.runtime:JaxRuntime",
    requires=("jax", "flax", "optax"),
    install="pip install 'recurse-sim[jax]'",
    families={"vae": "recurse_jax.vae:VAE"},
)
