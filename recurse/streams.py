"""Named counter-based random streams: what a cell draws depends on its seed, generation and purpose only.

Not on the backend, the block it runs in, the order, the number of workers or a resume. Each
(seed, purpose) has a 128-bit Philox key, the blake2b hash of those names; the generation selects a
region of the 256-bit counter, so any generation can be drawn first. Small draws are made for several
generations in one go and kept, because setting up a generator costs more than ten numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_AHEAD = 1024  # numbers drawn at once per (seed, purpose): several generations when one is small


class Draw(Protocol):
    """A request for numbers: what is drawn for one replicate of one generation."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __call__(self, generator: np.random.Generator, generations: int) -> Floats | Ints:
        """Numbers of shape ``[generations, *shape]``, drawn in order of the generation."""
        ...


@dataclass(frozen=True)
class Normal:
    """Standard normal numbers."""

    shape: tuple[int, ...]

    def __call__(self, generator: np.random.Generator, generations: int) -> Floats:
        return generator.standard_normal((generations, *self.shape))


@dataclass(frozen=True)
class Uniform:
    """Uniform numbers in [0, 1)."""

    shape: tuple[int, ...]

    def __call__(self, generator: np.random.Generator, generations: int) -> Floats:
        return generator.random((generations, *self.shape))


@dataclass(frozen=True)
class ChiSquare:
    """One chi-square number for each entry of ``df``; zero where ``df <= 0``."""

    df: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.df),)

    def __call__(self, generator: np.random.Generator, generations: int) -> Floats:
        df = np.asarray(self.df, dtype=np.float64)
        drawn = 2.0 * generator.standard_gamma(np.maximum(df, 1.0) / 2.0, (generations, len(df)))
        return np.where(df > 0, drawn, 0.0)


@dataclass(frozen=True)
class Integers:
    """Uniform integers in [0, high)."""

    high: int
    shape: tuple[int, ...]

    def __call__(self, generator: np.random.Generator, generations: int) -> Ints:
        return generator.integers(0, self.high, (generations, *self.shape))


@dataclass(frozen=True)
class Subset:
    """``size`` of ``total`` indices without replacement, in random order."""

    total: int
    size: int

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.size,)

    def __call__(self, generator: np.random.Generator, generations: int) -> Ints:
        picks = [generator.choice(self.total, self.size, replace=False) for _ in range(generations)]
        return np.stack(picks).astype(np.int64)


def key(seed: int, purpose: str) -> NDArray[np.uint64]:
    """The 128-bit Philox key of a stream: blake2b of the length-prefixed names."""
    text = f"recurse|{seed}|{len(purpose)}|{purpose}".encode()
    return np.frombuffer(hashlib.blake2b(text, digest_size=16).digest(), dtype=np.uint64)


def stream(seed: int, generation: int, purpose: str) -> np.random.Generator:
    """The generator of one (seed, generation, purpose), for draws that fit no request."""
    return np.random.Generator(np.random.Philox(key=key(seed, purpose), counter=_counter(generation)))


def _counter(region: int) -> NDArray[np.uint64]:
    return np.array([0, 0, region, 0], dtype=np.uint64)


class Streams:
    """The streams of a block's seeds; every draw has the replicate axis first: ``[R, *shape]``."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self.seeds = tuple(seeds)
        self._bits = np.random.Philox(key=0)
        self._generator = np.random.Generator(self._bits)
        self._state = self._bits.state
        self._keys: dict[str, list[NDArray[np.uint64]]] = {}
        self._ahead: dict[str, tuple[int, Floats | Ints]] = {}

    def draw(self, generation: int, purpose: str, request: Draw) -> Floats | Ints:
        """The numbers of one request for every seed: ``[R, *request.shape]``.

        The request is part of the stream's name: two requests of different shape never share bits.
        """
        name = f"{purpose}|{request}"
        size = int(np.prod(request.shape))
        span = 1 << max(0, (_AHEAD // max(size, 1)).bit_length() - 1)
        region, offset = divmod(generation, span)
        held = self._ahead.get(name)
        if held is None or held[0] != region:
            held = (region, self._fill(region, name, lambda g: request(g, span)))
            if span > 1:
                self._ahead[name] = held
        return held[1][:, offset]

    def draws(
        self, generation: int, purpose: str, requests: Mapping[str, Draw]
    ) -> dict[str, Floats | Ints]:
        """Every named request, each in a stream of its own."""
        return {k: self.draw(generation, f"{purpose}/{k}", r) for k, r in requests.items()}

    def generators(self, generation: int, purpose: str) -> list[np.random.Generator]:
        """One generator per seed, for draws of unknown length (initial weights, batch order)."""
        return [stream(seed, generation, purpose) for seed in self.seeds]

    def _fill(
        self,
        region: int,
        name: str,
        draw: Callable[[np.random.Generator], Floats | Ints],
    ) -> Floats | Ints:
        if name not in self._keys:
            self._keys[name] = [key(seed, name) for seed in self.seeds]
        state = self._state
        rows = []
        for key_ in self._keys[name]:
            state["state"]["key"][:] = key_
            state["state"]["counter"][:] = _counter(region)
            state["buffer_pos"] = 4
            state["has_uint32"] = 0
            self._bits.state = state
            rows.append(draw(self._generator))
        return np.stack(rows)
