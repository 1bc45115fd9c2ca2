"""Multilayer perceptrons: linear layers with an activation between them."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from recurse.nets import Net, Port, Weight

Width = Annotated[int, Field(ge=1, le=8192)]


class MLP(Net):
    """Linear layers; time and label are added to what the first layer puts out.

    Time enters as sines and cosines through a linear layer of its own, a label as a vector of its
    own; arrays of any shape are read, and written, as vectors.
    """

    kind: Literal["mlp"] = "mlp"
    labelled: ClassVar[bool] = True
    hidden: Annotated[tuple[Width, ...], Field(min_length=1, max_length=64)] = (128,)
    """Widths of the hidden layers, from the input on."""
    activation: Literal["relu", "silu", "gelu", "tanh"] = "relu"
    """The function between two layers; ``gelu`` is the exact one."""
    frequencies: Annotated[int, Field(ge=1, le=512)] = 16
    """Frequencies of a time, two features each."""

    def mirrored(self) -> MLP:
        return self.model_copy(update={"hidden": self.hidden[::-1]})

    def widths(self, port: Port) -> tuple[int, ...]:
        """Sizes of input, hidden layers and output."""
        return (math.prod(port.inputs), *self.hidden, math.prod(port.outputs))

    def weights(self, port: Port) -> dict[str, Weight]:
        found: dict[str, Weight] = {}
        for layer, (fan_in, fan_out) in enumerate(pairwise(self.widths(port))):
            bound = 1.0 / math.sqrt(fan_in)
            found[f"layers.{layer}.weight"] = Weight((fan_out, fan_in), "uniform", bound)
            found[f"layers.{layer}.bias"] = Weight((fan_out,))
        first = self.hidden[0]
        if port.time:
            told = 2 * self.frequencies
            found["time.weight"] = Weight((first, told), "uniform", 1.0 / math.sqrt(told))
        if port.classes:
            found["label.weight"] = Weight((port.classes + 1, first), "normal", 0.1)
        return found

    def activations(self, port: Port) -> int:
        return 2 * sum(self.widths(port))
