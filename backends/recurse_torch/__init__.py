"""The PyTorch backend: what it offers. Nothing here imports torch."""

from __future__ import annotations

from recurse.backend import Backend

BACKEND = Backend(
    name="torch",
    runtime="recurse_torch.runtime:TorchRuntime",
    requires=("torch",),
    install="pip install 'recurse-sim[torch]'",
    about="compiles nothing, so it is at once at full speed; a generation of a closed form takes"
    " 0.2 to 0.4 ms of calls however narrow the block, so wide ones pay; uses CUDA where it is",
    trainer="recurse_torch.trainer:Trainer",
    nets={"mlp": "recurse_torch.nets.mlp:MLP"},
)
