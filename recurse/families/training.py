"""The training of a neural family: budget, batches, learning rate, optimiser, averaged weights."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from recurse.spec import Spec

Beta = Annotated[float, Field(ge=0, lt=1)]
Steps = Annotated[int, Field(ge=1, le=100_000_000)]


class Average(Spec):
    """Weights averaged over the steps: ``mean <- decay mean + (1 - decay) weights``."""

    decay: Annotated[float, Field(gt=0, lt=1)]
    samples: bool = True
    """True if samples and measurements come from the average."""
    start: bool = False
    """True if a warm start begins at the average, not at the last weights."""


class Training(Spec):
    """Adam with decoupled weight decay (Loshchilov & Hutter 1711.05101) on shuffled batches."""

    epochs: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Passes over the training data per fit; 100 if ``steps`` is not given either."""
    steps: Steps | None = None
    """Optimiser steps per fit, however much data there are."""
    batch: Annotated[int, Field(ge=1, le=1_000_000)] = 64
    """Samples per step; a last incomplete batch of an epoch is left out."""
    learning_rate: Annotated[float, Field(gt=0, lt=10)] = 1e-3
    """The highest rate."""
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    """After the warm-up: constant, or down to zero in a straight line or along a cosine."""
    warmup: Annotated[int, Field(ge=0, le=100_000_000)] = 0
    """Steps in which the rate rises from zero in a straight line."""
    over: Literal["fit", "loop"] = "fit"
    """The learning rate follows its schedule in every fit, or once over all generations."""
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    """Decay of the running mean of the gradient, and of its square."""
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    clip: Annotated[float, Field(gt=0)] | None = None
    """Largest norm of each replicate's gradient; longer ones are shortened to it."""
    average: Average | None = None
    """Weights averaged over the steps (EMA), if wanted."""
    carry: bool = False
    """True if a warm start keeps the optimiser's running means too."""

    @model_validator(mode="after")
    def _one_budget(self) -> Training:
        if self.epochs is not None and self.steps is not None:
            raise PydanticCustomError("E204", "epochs and steps exclude each other; give one")
        return self

    def per_epoch(self, n: int) -> int:
        """Steps of one pass over ``n`` samples."""
        return n // self.batch

    def total(self, n: int) -> int:
        """Steps of a fit on ``n`` samples."""
        if self.steps is not None:
            return self.steps
        return (self.epochs or 100) * self.per_epoch(n)

    def rates(self, first: int, count: int, total: int) -> NDArray[np.float64]:
        """The learning rate of steps ``first`` to ``first + count``, of ``total``: ``[count]``."""
        step = np.arange(first, first + count, dtype=np.float64)
        rising = np.minimum((step + 1.0) / (self.warmup + 1.0), 1.0)
        if self.schedule == "constant":
            return self.learning_rate * rising
        done = np.clip((step - self.warmup) / max(total - self.warmup, 1), 0.0, 1.0)
        falling = 1.0 - done if self.schedule == "linear" else 0.5 + 0.5 * np.cos(math.pi * done)
        return self.learning_rate * rising * falling
