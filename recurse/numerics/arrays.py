"""Arrays by name: those of a backend, and those of the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from numpy.typing import NDArray

Array = Any
"""An array of the backend: ``numpy.ndarray``, ``torch.Tensor`` or ``jax.Array``."""
Arrays = Mapping[str, Array]
Host = Mapping[str, NDArray[Any]]
"""Named NumPy arrays, replicate axis first."""
Fields = dict[str, NDArray[Any]]
"""The fields of samples as a source draws them: ``[R, n, ...]`` each."""


class Batch(NamedTuple):
    """Samples side by side; what they weigh, and which of them a corrector means."""

    fields: Arrays
    """``x``, ``y``, ``tokens``, ...: ``[R, n, ...]`` each."""
    weight: Array = None
    """``[R, n]``, 0 for a sample that is left out; None: all weigh 1."""
    mark: Array = None
    """``[R, n]``, 1 for the samples that are meant; None where nothing is marked."""
