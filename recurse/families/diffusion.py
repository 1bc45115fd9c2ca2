"""Denoising diffusion: data are mixed with noise step by step, and a net learns the way back."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recurse.families.neural import Nets, Requests, Sampling
from recurse.families.vectors import Vectors, field, spread, squares
from recurse.numerics.arrays import Array, Arrays
from recurse.numerics.streams import Integers, Normal
from recurse.sources import Source

Beta = Annotated[float, Field(gt=0, lt=1)]


class Diffusion(Vectors):
    """DDPM: ``x_t = sqrt(abar_t) x + sqrt(1 - abar_t) noise``; the loss is a mean square."""

    kind: Literal["diffusion"] = "diffusion"
    cite = "Ho et al. 2006.11239; cosine: Nichol & Dhariwal 2102.09672; DDIM: 2010.02502"
    times: Annotated[int, Field(ge=2, le=10_000)] = 100
    """Times at which the net is trained."""
    schedule: Literal["linear", "cosine"] = "cosine"
    """The growth of the share of noise; ``linear``: its steps beta grow so, between ``betas``."""
    betas: tuple[Beta, Beta] | None = None
    """First and last beta of ``linear``; by default 0.1 and 20 over ``times``, DDPM's at 1000."""
    predicts: Literal["noise", "velocity", "data"] = "noise"
    """The output of the net: the noise, ``v`` (Salimans & Ho), or the data."""
    steps: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Rounds of sampling, at evenly spaced times; at all times by default."""
    eta: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Noise in every round: 1 samples ancestrally, 0 is DDIM, which adds none."""
    clip: Annotated[float, Field(gt=0)] | None = None
    """Bound on the data that a round predicts, in units of ``scale``; 1 for pixels."""

    def noise(self, source: Source) -> Requests:
        return {**super().noise(source), "time": Integers(self.times, ())}

    def loss(self, xp: Any, nets: Nets, batch: Arrays, noise: Arrays) -> Array:
        x, eps, time = self.data(batch), noise["noise"], noise["time"]
        left = xp.asarray(self.signal.astype(np.float32))[time]
        a, b = spread(xp, xp.sqrt(left), x), spread(xp, xp.sqrt(1.0 - left), x)
        when = xp.astype(time, x.dtype) / (self.times - 1)
        found = nets["net"](a * x + b * eps, time=when, **self.told(xp, batch, noise))
        target = {"noise": eps, "data": x, "velocity": a * eps - b * x}[self.predicts]
        return squares(xp, found - target, time.ndim)

    @property
    def rounds(self) -> int:
        return min(self.steps or self.times, self.times)

    def sampling(self, source: Source) -> Sampling:
        shape = source.fields[field(source.fields)]
        return Sampling(self.opening(source), {"noise": Normal(shape)} if self.eta > 0 else {})

    def round(
        self, xp: Any, nets: Nets, index: Any, state: Arrays, noise: Arrays
    ) -> dict[str, Array]:
        name, label = field(state), state["label"]
        x, (time, now, then) = state[name], (xp.asarray(row)[index] for row in self._visits)
        when = xp.zeros_like(label, dtype=x.dtype) + time
        found = nets["net"](x, time=when, **self.told(xp, state, {}))
        a, b = xp.sqrt(now), xp.sqrt(1.0 - now)
        if self.predicts == "data":
            data = found
        elif self.predicts == "velocity":
            data = a * x - b * found
        else:
            data = (x - b * found) / a
        if self.clip is not None:
            data = xp.clip(data, -self.clip, self.clip)
        fresh = self.eta**2 * (1.0 - then) / (1.0 - now) * (1.0 - now / then)
        kept = xp.sqrt(xp.clip(1.0 - then - fresh, min=0.0))
        moved = xp.sqrt(then) * data + kept * (x - a * data) / b
        if self.eta > 0:
            moved = moved + xp.sqrt(fresh) * noise["noise"]
        return {**state, name: moved}

    @property
    def signal(self) -> NDArray[np.float64]:
        """The share ``abar`` of the data's variance that is left at each time, ``[times]``."""
        if self.schedule == "linear":
            first, last = self.betas or (0.1 / self.times, min(20.0 / self.times, 0.999))
            return np.asarray(np.cumprod(1.0 - np.linspace(first, last, self.times)))
        edge = (np.arange(self.times + 1) / self.times + 0.008) / 1.008
        level = np.cos(0.5 * math.pi * edge) ** 2
        return np.asarray(np.cumprod(1.0 - np.minimum(1.0 - level[1:] / level[:-1], 0.999)))

    @property
    def _visits(self) -> tuple[NDArray[np.float32], ...]:
        """Per round: the time in [0, 1], its signal, and the signal after the round."""
        places = np.linspace(self.times - 1, 0, self.rounds).round().astype(np.int64)
        signal = self.signal[places]
        found = (places / (self.times - 1), signal, np.append(signal[1:], 1.0))
        return tuple(np.asarray(part, dtype=np.float32) for part in found)
