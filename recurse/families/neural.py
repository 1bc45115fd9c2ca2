"""Neural families: an objective and a sampler, written once against the array API.

Every function sees arrays whose last axes are ``[..., rows, *shape of a sample]`` and never asks if
a replicate axis leads: torch calls it for all replicates at once, JAX maps it over them. ``nets``
holds the networks by the name of their part. Random numbers arrive as arrays, of the laws that the
family asks for; a family keeps nothing between calls.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from recurse.families import Family, S
from recurse.families.training import Training
from recurse.nets import Net, Port, Weight
from recurse.nets.mlp import MLP
from recurse.numerics.arrays import Array, Arrays, Fields
from recurse.numerics.streams import Draw
from recurse.schedule import Row
from recurse.spec import union

if TYPE_CHECKING:
    NetSpec: TypeAlias = Net
else:
    NetSpec = union("net")

Nets = Mapping[str, Callable[..., Array]]
"""Networks by part: ``nets["net"](x, time=..., label=...)``."""
Requests = Mapping[str, Draw]
"""Random numbers of one sample, by name."""


NOTHING: Requests = MappingProxyType({})


class Part(NamedTuple):
    """A network of a family, and what it joins."""

    net: Net
    port: Port


class Sampling(NamedTuple):
    """The random numbers of one sample: at the beginning, in every round, at the end."""

    open: Requests = NOTHING
    round: Requests = NOTHING
    close: Requests = NOTHING


class Neural(Family[S]):
    """A family that is trained by gradient steps."""

    trained: ClassVar[bool] = True
    draws: ClassVar[Mapping[str, int]] = {}
    """Draws that a quantity with random numbers is averaged over, by name; 1 if not named."""
    net: NetSpec = MLP()
    """The network; several parts of a family share its kind."""
    train: Training = Training()
    """The budget, batches, learning rate and optimiser of each fit."""

    def parts(self, source: S) -> dict[str, Part]:
        """The networks by name."""
        raise TypeError(f"{type(self).__name__} has no networks")

    def noise(self, source: S) -> Requests:
        """Random numbers of one sample in one training step."""
        return {}

    def loss(self, xp: Any, nets: Nets, batch: Arrays, noise: Arrays) -> Array:
        """The loss of every sample, ``[..., rows]``; its mean over rows is minimised."""
        raise TypeError(f"{type(self).__name__} has no loss")

    def prepared(self, generators: Sequence[np.random.Generator], batches: Fields) -> Fields:
        """Batches ``[k, R, batch, ...]`` as the loss wants them, made on the host; with a generator
        for each replicate."""
        return batches

    def scoring(self, source: S, quantity: str) -> Requests:
        """Random numbers of one sample when a quantity is looked at."""
        return {}

    def score(self, xp: Any, nets: Nets, quantity: str, batch: Arrays, noise: Arrays) -> Array:
        """A quantity of every sample, ``[..., rows]``, or numbers that ``summary`` reads."""
        raise TypeError(f"{type(self).__name__} has no quantities")

    def summary(self, quantity: str, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """The quantity of each replicate ``[R]``, of its scores ``[R, n, ...]``: their mean."""
        mean: NDArray[np.float64] = scores.mean(axis=1)
        return mean

    @property
    def rounds(self) -> int:
        """Rounds of sampling between ``open`` and ``close``."""
        return 0

    def sampling(self, source: S) -> Sampling:
        """Random numbers of one sample that is drawn."""
        return Sampling()

    def open(self, xp: Any, nets: Nets, noise: Arrays) -> dict[str, Array]:
        """The state that sampling begins with, ``[..., rows, ...]`` by name."""
        return dict(noise)

    def round(
        self, xp: Any, nets: Nets, index: Any, state: Arrays, noise: Arrays
    ) -> dict[str, Array]:
        """The state after round ``index`` (0 is the first; a number, or one traced)."""
        return dict(state)

    def close(self, xp: Any, nets: Nets, state: Arrays, noise: Arrays) -> dict[str, Array]:
        """The fields of the samples."""
        raise TypeError(f"{type(self).__name__} draws no samples")

    def weights(self, source: S) -> dict[str, Weight]:
        """Every weight of one replicate as ``part.name``, in order."""
        return {
            f"{name}.{weight}": law
            for name, part in self.parts(source).items()
            for weight, law in part.net.weights(part.port).items()
        }

    @property
    def foresees(self) -> bool:
        return self.train.over == "loop" and self.train.schedule != "constant"

    def refusal(self, source: Any) -> str | None:
        if reason := super().refusal(source):
            return reason
        refused = (part.net.refusal(part.port) for part in self.parts(source).values())
        return next((reason for reason in refused if reason), None)

    def problems(self, source: S, row: Row, real: int) -> list[tuple[str, str, str]]:
        if row.size >= self.train.batch:
            return []
        text = f"generation {row.generation} has {row.size} samples, one batch has"
        return [("model.train.batch", "E204", f"{text} {self.train.batch}")]

    def stride(self, source: S) -> int:
        """Optimiser steps per call of a backend: as many as keep what one replicate draws and reads
        in them below a mebibyte of float32, 64 at most. Noise is addressed by their first."""
        numbers = sum(math.prod(shape) for shape in self.fields(source).values())
        numbers += sum(math.prod(request.shape) for request in self.noise(source).values())
        fitting = (1 << 18) // max(self.train.batch * numbers, 1)
        return 1 << max(min(fitting, 64), 1).bit_length() - 1

    def cost(self, source: S, size: int) -> tuple[int, float]:
        """Weights of one replicate, and arithmetic operations of one fit on ``size`` samples."""
        parts = self.parts(source).values()
        each = sum(part.net.operations(part.port) for part in parts)
        weights = sum(math.prod(weight.shape) for weight in self.weights(source).values())
        return weights, 6.0 * each * self.train.batch * self.train.total(size)

    def activations(self, source: S) -> int:
        """Numbers of one sample that a training step keeps for its way back."""
        return sum(part.net.activations(part.port) for part in self.parts(source).values())
