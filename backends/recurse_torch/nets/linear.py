"""The linear layer of every replicate: one batched product."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Linear(nn.Module):
    """``x W^T + b`` for ``x [R, n, in]``; weight ``[R, out, in]``, bias ``[R, out]`` or none."""

    def __init__(self, replicates: int, fan_in: int, fan_out: int, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(replicates, fan_out, fan_in))
        self.bias = nn.Parameter(torch.empty(replicates, fan_out)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        if self.bias is None:
            return torch.bmm(x, self.weight.mT)
        return torch.baddbmm(self.bias[:, None], x, self.weight.mT)


class Embedding(nn.Module):
    """The vector of every number: ``[R, n]`` integers to ``[R, n, width]``."""

    def __init__(self, replicates: int, count: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(replicates, count, width))

    def forward(self, index: Tensor) -> Tensor:
        replicate = torch.arange(len(index), device=index.device)[:, None]
        return self.weight[replicate, index]
