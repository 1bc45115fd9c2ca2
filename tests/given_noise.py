"""Given random numbers in place of those that a backend draws, the same on every backend."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from recurse.numerics.streams import Draw, Integers, Normal

STEPS = 8


def numbers(name: str, request: Draw, replicates: int, rows: int) -> NDArray[Any]:
    """The numbers of a request in the first eight steps or rounds, ``[8, R, rows, *shape]``."""
    key = zlib.crc32(f"{name} {request}".encode())
    generator = np.random.Generator(np.random.Philox(key=key))
    shape = (STEPS, replicates, rows, *request.shape)
    if isinstance(request, Normal):
        return generator.standard_normal(shape, dtype=np.float32)
    if isinstance(request, Integers):
        return generator.integers(0, request.high, shape)
    return generator.random(shape, dtype=np.float32)


def given(
    requests: Mapping[str, Draw], replicates: int, rows: int, step: int = 0
) -> dict[str, NDArray[Any]]:
    """The numbers of every request in one step, ``[R, rows, *shape]``."""
    return {k: numbers(k, request, replicates, rows)[step] for k, request in requests.items()}


def inject(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let both backends read these numbers; JAX's programs are traced anew for it."""
    import jax.numpy as jnp
    import recurse_jax.trainer as jax_trainer
    import torch
    from recurse_jax import noise as jax_noise
    from recurse_torch import noise as torch_noise

    def on_torch(
        streams: Any,
        generation: int,
        purpose: str,
        requests: Mapping[str, Draw],
        rows: tuple[int, ...],
        device: Any,
    ) -> dict[str, Any]:
        parts = purpose.split("/")
        step = int(parts[1] if parts[0] == "training" else parts[2] if parts[1] == "round" else 0)
        found = {}
        for name, request in requests.items():
            table = numbers(name, request, len(streams.seeds), rows[-1])
            part = table[step] if len(rows) == 1 else table[step : step + rows[0]].swapaxes(0, 1)
            found[name] = torch.from_numpy(np.ascontiguousarray(part))
        return found

    def on_jax(
        keys: Mapping[str, Any], index: Any, requests: Mapping[str, Draw], rows: int
    ) -> dict[str, Any]:
        return {
            name: jnp.asarray(numbers(name, request, len(keys[name]), rows))[index]
            for name, request in requests.items()
        }

    monkeypatch.setattr(torch_noise, "draw", on_torch)
    monkeypatch.setattr(jax_noise, "draw", on_jax)
    for name in ("_train", "_sample", "_score"):
        monkeypatch.setattr(jax_trainer, name, _anew(getattr(jax_trainer, name)))


def _anew(function: Any) -> Any:
    return lambda *arguments: function(*arguments)
