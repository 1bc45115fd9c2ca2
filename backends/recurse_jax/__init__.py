"""The JAX backend: what it offers. Nothing here imports JAX."""

from __future__ import annotations

from recurse.backend import Backend

BACKEND = Backend(
    name="jax",
    runtime="recurse_jax.runtime:JaxRuntime",
    requires=("jax", "flax", "optax"),
    install="pip install 'recurse-sim[jax]'",
    about="compiles each program once per arm and width (half a second for a closed form, several"
    " for mixtures and networks) and keeps them on disk, at most 1 GiB; then mixtures and kernels"
    " run about twice as fast",
    compiles=True,
    trainer="recurse_jax.trainer:Trainer",
    nets={"mlp": "recurse_jax.nets.mlp:MLP"},
)
