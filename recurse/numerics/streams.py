"""Named counter-based random streams: what a cell draws depends on seed, generation, purpose only.

Not on the backend, the block it runs in, the order, the number of workers or a resume. Each
(seed, purpose) has a 128-bit Philox key, the blake2b hash of those names; the generation selects a
region of the 256-bit counter, so any generation can be drawn first. Small draws are made for
several generations in one go and kept: setting up a generator costs more than ten numbers.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Keys = list[NDArray[np.uint64]]
Number = type[np.float64] | type[np.int64]

_AHEAD = 512  # numbers drawn at once per (seed, purpose): several generations when one is small


class Draw(Protocol):
    """A request for numbers: what is drawn for one replicate of one generation."""

    ahead: ClassVar[bool]
    """True if later generations make the same request, so that they may be served in one go.
    Indices do not: the pool that they pick from grows, and so does the request."""

    dtype: ClassVar[Number]

    @property
    def shape(self) -> tuple[int, ...]: ...

    def fill(self, generator: np.random.Generator, out: NDArray[Any]) -> None:
        """Numbers into ``out [generations, *shape]``, drawn in order of the generation."""
        ...


Given = Callable[[np.random.Generator, int], Floats | Ints]
"""Draws for one replicate, named by its place in the block, whose law depends on its parameters."""


@dataclass(frozen=True)
class Normal:
    """Standard normal numbers."""

    shape: tuple[int, ...]
    ahead: ClassVar[bool] = True
    dtype: ClassVar[Number] = np.float64

    def fill(self, generator: np.random.Generator, out: NDArray[Any]) -> None:
        generator.standard_normal(out=out)


@dataclass(frozen=True)
class Uniform:
    """Uniform numbers in [0, 1)."""

    shape: tuple[int, ...]
    ahead: ClassVar[bool] = True
    dtype: ClassVar[Number] = np.float64

    def fill(self, generator: np.random.Generator, out: NDArray[Any]) -> None:
        generator.random(out=out)


@dataclass(frozen=True)
class ChiSquare:
    """One chi-square number for each entry of ``df``; zero where ``df <= 0``."""

    df: tuple[int, ...]
    ahead: ClassVar[bool] = True
    dtype: ClassVar[Number] = np.float64

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.df),)

    def fill(self, generator: np.random.Generator, out: NDArray[Any]) -> None:
        df = np.asarray(self.df, dtype=np.float64)
        drawn = 2.0 * generator.standard_gamma(np.maximum(df, 1.0) / 2.0, out.shape)
        out[...] = np.where(df > 0, drawn, 0.0)


@dataclass(frozen=True)
class Integers:
    """Uniform integers in [0, high)."""

    high: int
    shape: tuple[int, ...]
    ahead: ClassVar[bool] = False
    dtype: ClassVar[Number] = np.int64

    def fill(self, generator: np.random.Generator, out: NDArray[Any]) -> None:
        out[...] = generator.integers(0, self.high, out.shape)


@dataclass(frozen=True)
class Subset:
    """``size`` of ``total`` indices without replacement, in random order."""

    total: int
    size: int
    ahead: ClassVar[bool] = False
    dtype: ClassVar[Number] = np.int64

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.size,)

    def fill(self, generator: np.random.Generator, out: NDArray[Any]) -> None:
        for picks in out:
            picks[...] = generator.choice(self.total, self.size, replace=False)


def counts(means: Floats, shape: tuple[int, ...] | None = None) -> Given:
    """Poisson numbers of each replicate's means ``[R, ...]``, or ``shape`` numbers of its mean.

    NaN where the mean is none or above 1e15: counts beyond that are not exact in float64.
    """

    def draw(generator: np.random.Generator, replicate: int) -> Floats:
        mean = means[replicate]
        sound = mean <= 1e15
        drawn = generator.poisson(np.where(sound, mean, 0.0), shape)
        return np.where(sound, drawn, np.nan)

    return draw


def key(seed: int, purpose: str) -> NDArray[np.uint64]:
    """The 128-bit Philox key of a stream: blake2b of the length-prefixed names."""
    text = f"recurse|{seed}|{len(purpose)}|{purpose}".encode()
    return np.frombuffer(hashlib.blake2b(text, digest_size=16).digest(), dtype=np.uint64)


def stream(seed: int, generation: int, purpose: str) -> np.random.Generator:
    """The generator of one (seed, generation, purpose), for draws that fit no request."""
    bits = np.random.Philox(key=key(seed, purpose), counter=_counter(generation))
    return np.random.Generator(bits)


def _counter(region: int) -> NDArray[np.uint64]:
    return np.array([0, 0, region, 0], dtype=np.uint64)


class _Ahead(NamedTuple):
    """The last request of a purpose, and its numbers from the start of a region on."""

    request: Draw
    keys: Keys
    region: int
    numbers: Floats | Ints


class Streams:
    """The streams of a block's seeds; every draw has the replicate axis first: ``[R, *shape]``."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self.seeds = tuple(seeds)
        self._bits = np.random.Philox(key=0)
        self._generator = np.random.Generator(self._bits)
        self._state = self._bits.state
        self._places: dict[str, Keys] = {}
        self._ahead: dict[str, _Ahead] = {}

    def draw(self, generation: int, purpose: str, request: Draw) -> Floats | Ints:
        """The numbers of one request for every seed: ``[R, *request.shape]``, read-only.

        The request is part of the stream's name: two requests of different shape never share bits.
        """
        span = span_of(request)
        region, offset = divmod(generation, span)
        if span == 1:
            return self._fill(region, self._named(purpose, request), request, 1)[:, 0]
        held = self._ahead.get(purpose)
        if held is None or held.request != request:
            # Much is asked for once: a real sample, or one of a size that changes every time.
            keys = self._named(purpose, request)
            held = _Ahead(request, keys, region, self._fill(region, keys, request, offset + 1))
        elif held.region != region or held.numbers.shape[1] <= offset:
            filled = self._fill(region, held.keys, request, span)
            held = held._replace(region=region, numbers=filled)
        self._ahead[purpose] = held
        return held.numbers[:, offset]

    def draws(
        self, generation: int, purpose: str, requests: Mapping[str, Draw]
    ) -> dict[str, Floats | Ints]:
        """Every named request, each in a stream of its own."""
        return {k: self.draw(generation, f"{purpose}/{k}", r) for k, r in requests.items()}

    def given(
        self, generation: int, purpose: str, draws: Mapping[str, Given]
    ) -> dict[str, Floats | Ints]:
        """Draws whose law depends on each replicate's parameters, ``[R, ...]`` by name."""
        found = {}
        for name, draw in draws.items():
            place = f"{purpose}/{name}"
            if place not in self._places:
                self._places[place] = [key(seed, f"{place}|given") for seed in self.seeds]
            keyed = self._keyed(generation, self._places[place])
            filled: Floats | Ints | None = None
            for replicate, generator in enumerate(keyed):
                numbers = draw(generator, replicate)
                if filled is None:
                    filled = np.empty((len(self.seeds), *numbers.shape), dtype=numbers.dtype)
                filled[replicate] = numbers
            assert filled is not None, "a block has a seed or more"
            filled.flags.writeable = False
            found[name] = filled
        return found

    def generators(self, generation: int, purpose: str) -> list[np.random.Generator]:
        """One generator per seed, for draws of unknown length (initial weights, batch order)."""
        return [stream(seed, generation, purpose) for seed in self.seeds]

    def _named(self, purpose: str, request: Draw) -> Keys:
        name = f"{purpose}|{request}"
        return [key(seed, name) for seed in self.seeds]

    def _fill(self, region: int, keys: Keys, request: Draw, span: int) -> Floats | Ints:
        """The numbers of ``span`` generations, ``[R, span, *shape]``."""
        filled: NDArray[Any] = np.empty((len(keys), span, *request.shape), dtype=request.dtype)
        for out, generator in zip(filled, self._keyed(region, keys), strict=True):
            request.fill(generator, out)
        filled.flags.writeable = False
        return filled

    def _keyed(self, region: int, keys: Keys) -> Iterator[np.random.Generator]:
        """One generator after another at the start of a region: the same object, set anew."""
        state, bits = self._state, self._bits
        state["state"]["counter"] = _counter(region)
        for key_ in keys:
            state["state"]["key"] = key_
            bits.state = state  # the state was taken before any draw, so nothing is buffered in it
            yield self._generator


def span_of(request: Draw) -> int:
    """The number of generations of a request that are drawn in one go, a power of two."""
    size = math.prod(request.shape) if request.ahead else _AHEAD
    return 1 << ((_AHEAD // max(size, 1)) | 1).bit_length() - 1
