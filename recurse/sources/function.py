"""Noisy values of a function on [0, 1], on a grid or at random inputs."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from recurse.numerics.arrays import Fields
from recurse.numerics.streams import Normal, Streams, Uniform
from recurse.sources import Source

Amplitude = Annotated[float, Field(ge=-1e6, le=1e6)]
HELDOUT = tuple((j + 0.5) / 200 for j in range(200))
"""The inputs at which a fit is compared with the function."""


class Function(Source):
    """``y = f(x) + noise e``, ``f(x) = constant + sum_k sine_k sin(2 pi k x) + cosine_k cos(...)``.

    Every generation relabels the inputs of the real sample. The true parameter ``curve`` is ``f``
    at 200 held-out inputs, the midpoints of as many equal parts of [0, 1].
    """

    kind: Literal["function"] = "function"
    cite = "Mobahi et al. 2002.05715 (a noisy sine)"
    law: ClassVar[str | None] = "kernel_ridge"
    inputs: Literal["grid", "uniform"] = "grid"
    """``grid``: equally spaced from 0 to 1, the same for all seeds; ``uniform``: drawn per seed."""
    noise: Annotated[float, Field(ge=0, le=1e6)] = 0.5
    """Standard deviation of the label noise."""
    sine: tuple[Amplitude, ...] = (1.0,)
    """Amplitudes of ``sin(2 pi k x)``, k = 1, 2, ..."""
    cosine: tuple[Amplitude, ...] = ()
    """Amplitudes of ``cos(2 pi k x)``, k = 1, 2, ..."""
    constant: Amplitude = 0.0

    @property
    def fields(self) -> dict[str, tuple[int, ...]]:
        return {"x": (1,), "y": ()}

    def at(self, xp: Any, x: Any) -> Any:
        """The function at inputs of any shape."""
        value = self.constant + 0.0 * x
        for waves, wave in ((self.sine, xp.sin), (self.cosine, xp.cos)):
            for k, amplitude in enumerate(waves, start=1):
                value = value + amplitude * wave(2.0 * math.pi * k * x)
        return value

    def truth(self, streams: Streams) -> Fields:
        curve = self.at(np, np.asarray(HELDOUT))
        return {"curve": np.broadcast_to(curve, (len(streams.seeds), len(curve)))}

    def draw(self, streams: Streams, generation: int, purpose: str, n: int) -> Fields:
        if self.inputs == "grid" and purpose != "heldout":
            x = np.broadcast_to(np.linspace(0.0, 1.0, n), (len(streams.seeds), n))
        else:
            x = np.asarray(streams.draw(generation, f"{purpose}/x", Uniform((n,))))
        e = streams.draw(generation, f"{purpose}/e", Normal((n,)))
        return {"x": x[..., None], "y": self.at(np, x) + self.noise * e}
