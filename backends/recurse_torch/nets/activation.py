"""Activations whose numbers do not depend on their place in a block."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor
from torch.nn import functional

_VECTOR = 64  # a multiple of the float32 lanes of any CPU, and of what a loop takes at once


def whole(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The function of every number, all of them computed in whole vectors.

    The end of a tensor that does not fill a vector is computed by the C library, whose exponential
    is rounded differently.
    """
    missing = -x.numel() % _VECTOR
    if not missing:
        return function(x)
    filled = functional.pad(x.reshape(-1), (0, missing))
    return function(filled)[: x.numel()].view(x.shape)


silu = partial(whole, functional.silu)
gelu = partial(whole, functional.gelu)
