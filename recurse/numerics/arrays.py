"""Arrays by name: those of a backend, and those of the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

Array = Any
"""An array of the backend: ``numpy.ndarray``, ``torch.Tensor`` or ``jax.Array``."""
Arrays = Mapping[str, Array]
Host = Mapping[str, NDArray[Any]]
"""Named NumPy arrays, replicate axis first."""
