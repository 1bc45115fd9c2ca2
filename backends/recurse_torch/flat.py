"""The weights of a module as views of one flat tensor, so that an optimiser step is one kernel."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recurse.numerics.arrays import Arrays

_VECTOR = 64  # a multiple of the float32 lanes of any CPU


class Flat:
    """A module whose parameters lie side by side in ``weights``.

    The end of a tensor that does not fill a vector is rounded differently; zeros are appended, so
    that it is never the last replicate's.
    """

    def __init__(self, module: nn.Module) -> None:
        parameters = dict(module.named_parameters())
        self._shapes = {name: value.shape for name, value in parameters.items()}
        total = sum(value.numel() for value in parameters.values())
        self.weights = torch.zeros(-(-total // _VECTOR) * _VECTOR)
        for name, view in self.views(self.weights).items():
            parameters[name].data = view

    def zeros(self) -> Tensor:
        """A flat tensor of the same layout."""
        return torch.zeros_like(self.weights)

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """The parts of a flat tensor by the names of the parameters."""
        found, first = {}, 0
        for name, shape in self._shapes.items():
            found[name] = flat[first : first + shape.numel()].view(shape)
            first += shape.numel()
        return found

    def fill(self, flat: Tensor, model: Arrays, prefix: str = "") -> None:
        """Copy the arrays of a model, named with a prefix, into a flat tensor."""
        with torch.no_grad():
            for name, view in self.views(flat).items():
                view.copy_(model[prefix + name])

    def named(self, flat: Tensor, prefix: str = "") -> dict[str, Tensor]:
        """Copies of the parts of a flat tensor, named with a prefix."""
        return {prefix + name: view.detach().clone() for name, view in self.views(flat).items()}
