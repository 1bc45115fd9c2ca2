"""``recurse.nets.mlp`` in torch."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import array_api_compat.torch as xp
from torch import Tensor, nn
from torch.nn import functional

import recurse.nets.mlp as spec
from recurse.nets import Port, features
from recurse_torch.nets import activation
from recurse_torch.nets.linear import Embedding, Linear

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "silu": activation.silu,
    "gelu": activation.gelu,
    "tanh": functional.tanh,
}


class MLP(nn.Module):
    """Linear layers with an activation between them, for ``[R, n, *inputs]``."""

    def __init__(self, net: spec.MLP, port: Port, replicates: int) -> None:
        super().__init__()
        widths, first = net.widths(port), net.hidden[0]
        self.layers = nn.ModuleList([Linear(replicates, i, o) for i, o in pairwise(widths)])
        self.frequencies, self.outputs = net.frequencies, port.outputs
        self.activation = ACTIVATIONS[net.activation]
        if port.time:
            self.time = Linear(replicates, 2 * net.frequencies, first, bias=False)
        if port.classes:
            self.label = Embedding(replicates, port.classes + 1, first)

    def forward(self, x: Tensor, time: Tensor | None = None, label: Tensor | None = None) -> Tensor:
        x = self.layers[0](x.flatten(2))
        if time is not None:
            x = x + self.time(features(xp, time, 2 * self.frequencies))
        if label is not None:
            x = x + self.label(label)
        for layer in self.layers[1:]:
            x = layer(self.activation(x))
        return x.view(*x.shape[:2], *self.outputs) if len(self.outputs) != 1 else x
