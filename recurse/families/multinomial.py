"""Multinomial counts on the host: the same for every backend, and nothing returns by rounding."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_DROPPED = 13  # bits of a mantissa


@dataclass(frozen=True)
class Laws:
    """Rows of probabilities ``[R, ..., K]``, made ready once for all draws from them.

    NumPy gives the last symbol what is left over, rounding included. In ``swapped [R, C, K]`` that
    is the most probable one (``top [R, C]``); its place has the last symbol of positive probability
    (``last [R, C]``), whose own place is empty. So no symbol of probability zero has counts.
    """

    swapped: Floats
    top: Ints
    last: Ints

    @classmethod
    def of(cls, p: Floats) -> Laws:
        """The laws without the last bits of their probabilities.

        Those are the backend's rounding of a division or a power. A binomial law is drawn in
        another way above one half, so the last bit of a ratio that is one half could otherwise
        change every draw that follows.
        """
        bits = np.asarray(p, dtype=np.float64).view(np.int64)
        rounded = ((bits + (1 << _DROPPED - 1)) & -(1 << _DROPPED)).view(np.float64)
        flat = rounded.reshape(-1, p.shape[-1])
        rows, top = np.arange(len(flat)), flat.argmax(axis=1)
        last = flat.shape[1] - 1 - (flat[:, ::-1] > 0).argmax(axis=1)
        most = flat[rows, top]
        flat[rows, top], flat[rows, last] = flat[rows, last], 0.0
        flat[:, -1] = most
        shape = (len(p), -1)
        return cls(flat.reshape(*shape, flat.shape[1]), top.reshape(shape), last.reshape(shape))

    def counts(self, generator: np.random.Generator, replicate: int, n: int | Ints) -> Ints:
        """Counts ``[C, K]`` of n draws (of ``n [C]``) from each law of one replicate."""
        p = self.swapped[replicate]
        # NumPy takes a quarter longer to look through a table than through its one row.
        drawn = generator.multinomial(n, p[0] if len(p) == 1 else p)
        counts = np.asarray(drawn, dtype=np.int64).reshape(p.shape)
        rows, top, last = _places(len(counts)), self.top[replicate], self.last[replicate]
        most = counts[:, -1].copy()
        counts[:, -1] = 0
        counts[rows, last] = counts[rows, top]
        counts[rows, top] = most
        return counts


@cache
def _places(number: int) -> Ints:
    return np.arange(number)
