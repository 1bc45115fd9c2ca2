"""Nets: the networks that neural families are made of. One file per kind, one module per backend.

A net says which weights it has, by the names that torch gives them, how they begin and what it
costs. The arithmetic is a module in each backend, which declares it by the same kind.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recurse.numerics.streams import Streams
from recurse.spec import Kind


class Port(NamedTuple):
    """The input and the output of a net, for one sample."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    time: bool = False
    """True if it is told a time in [0, 1] as well, one number per sample."""
    classes: int = 0
    """Labels that it may be told, 0 if none; one more stands for no label."""


class Weight(NamedTuple):
    """The shape of a weight of one replicate, and the law that it begins with."""

    shape: tuple[int, ...]
    law: Literal["uniform", "normal", "constant"] = "constant"
    scale: float = 0.0
    """Uniform in ``+-scale``, normal with that deviation, or that number."""

    def draw(self, generator: np.random.Generator) -> NDArray[np.float64]:
        """One replicate's initial weight."""
        if self.law == "uniform":
            return generator.uniform(-self.scale, self.scale, self.shape)
        if self.law == "normal":
            return self.scale * generator.standard_normal(self.shape)
        return np.full(self.shape, self.scale)


Weights = Mapping[str, Weight]


class Net(Kind):
    """A kind of network."""

    labelled: ClassVar[bool] = False
    """True if it can be told a label."""

    def weights(self, port: Port) -> dict[str, Weight]:
        """Every weight of one replicate by torch's name, in order."""
        raise TypeError(f"{type(self).__name__} has no weights")

    def mirrored(self) -> Net:
        """The net that leads back, as a decoder does from an encoder's code."""
        return self

    def refusal(self, port: Port) -> str | None:
        """The reason why it cannot join these inputs and outputs, or None."""
        return None

    def operations(self, port: Port) -> float:
        """Multiplications of one sample on its way through."""
        return float(sum(math.prod(w.shape) for w in self.weights(port).values()))

    def activations(self, port: Port) -> int:
        """Numbers of one sample that a training step keeps for its way back."""
        raise TypeError(f"{type(self).__name__} does not say what it keeps")


def initial(weights: Weights, streams: Streams, generation: int) -> dict[str, NDArray[np.float32]]:
    """Weights to train from, ``[R, *shape]`` each: the same numbers on every backend."""
    generators = streams.generators(generation, "weights")
    return {
        name: np.stack([weight.draw(g) for g in generators]).astype(np.float32)
        for name, weight in weights.items()
    }


def features(xp: Any, time: Any, width: int) -> Any:
    """Sines and cosines of a time in [0, 1], ``[..., n] -> [..., n, width]`` (Vaswani et al.).

    Frequencies fall from 1000 to 0.1 in equal ratios.
    """
    half = width // 2
    powers = np.exp(np.linspace(math.log(1000.0), math.log(0.1), half)).astype(np.float32)
    angles = time[..., None] * xp.asarray(powers)
    return xp.concat([xp.sin(angles), xp.cos(angles)], axis=-1)
