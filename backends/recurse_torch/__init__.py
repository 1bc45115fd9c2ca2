"""The PyTorch backend: what it offers. Nothing here imports torch."""

from __future__ import annotations

from recurse.backend import Backend

BACKEND = Backend(
    name="torch",
    runtime="recurse_torch.runtime:TorchRuntime",
    requires=("torch",),
    install="pip install 'recurse-sim[torch]'",
    families={"vae": "recurse_torch.vae:VAE"},
)
