"""Device generators for training noise, one per seed, their full state taken from a named stream.

``torch.Generator.manual_seed`` keeps 32 bits on the CPU (ATen's ``init_with_uint32``), so seeds
hashed into it would collide; the state is written instead.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from recurse.numerics.streams import Draw, Integers, Normal, Streams, Uniform

_WORDS = slice(24, 24 + 624 * 8)  # of ATen's CPUGeneratorImplStateLegacy: the Mersenne twister


def draw(
    streams: Streams,
    generation: int,
    purpose: str,
    requests: Mapping[str, Draw],
    rows: tuple[int, ...],
    device: torch.device,
) -> dict[str, torch.Tensor]:
    """Every request for each of ``rows``: ``[R, *rows, *shape]``, each replicate's its own."""
    return {
        name: torch.stack(
            [
                _numbers(request, (*rows, *request.shape), generator)
                for generator in generators(streams, generation, f"{purpose}/{name}", device)
            ]
        )
        for name, request in requests.items()
    }


def generators(
    streams: Streams, generation: int, purpose: str, device: torch.device
) -> list[torch.Generator]:
    """One generator per seed of the block, on ``device``."""
    sources = streams.generators(generation, f"device/{purpose}")
    return [_generator(source, device) for source in sources]


def _numbers(request: Draw, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    device = generator.device
    if isinstance(request, Normal):
        return torch.randn(shape, generator=generator, device=device)
    if isinstance(request, Uniform):
        return torch.rand(shape, generator=generator, device=device)
    if isinstance(request, Integers):
        return torch.randint(request.high, shape, generator=generator, device=device)
    raise TypeError(f"{type(request).__name__} is not drawn on a device")


def _generator(source: np.random.Generator, device: torch.device) -> torch.Generator:
    generator = torch.Generator(device)
    state = generator.get_state()
    if device.type == "cpu":
        words = source.integers(0, 1 << 32, 624, dtype=np.uint64)
        state[_WORDS] = torch.from_numpy(words.view(np.uint8))
    else:
        # Philox: a 64-bit key, and a counter that has to be a multiple of four.
        seed = source.integers(0, 1 << 64, dtype=np.uint64)
        offset = 4 * source.integers(0, 1 << 48, dtype=np.uint64)
        state = torch.from_numpy(np.array([seed, offset], dtype=np.uint64).view(np.uint8))
    generator.set_state(state)
    return generator
