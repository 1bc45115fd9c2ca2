"""The reference backend: NumPy, closed-form families only, nothing to install or to compile."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurse.backend import Backend
from recurse.numerics.arrays import Array

BACKEND = Backend(
    name="numpy",
    runtime="recurse_numpy:NumpyRuntime",
    about="closed-form families only; nothing to compile and the cheapest calls, so the fastest for"
    " narrow blocks of small models",
)


class NumpyRuntime:
    """Arrays of the backend are ``numpy.ndarray``."""

    xp: Any = np

    def array(self, values: NDArray[Any]) -> Array:
        return values

    def host(self, values: Array) -> NDArray[Any]:
        return np.asarray(values)

    def compile(self, function: Callable[..., Any], static: tuple[int, ...]) -> Callable[..., Any]:
        return function

    def repeat(
        self, step: Callable[..., Any], until: Callable[..., Any], static: tuple[int, ...]
    ) -> Callable[..., Any]:
        def repeated(*arguments: Any) -> Any:
            *constants, state = arguments
            while not until(*constants, state):
                state = step(*constants, state)
            return state

        return repeated

    def numerics(self) -> dict[str, str]:
        threads = os.environ.get("OPENBLAS_NUM_THREADS") or os.environ.get("OMP_NUM_THREADS")
        simd = np.show_config(mode="dicts")["SIMD Extensions"]
        return {
            "numpy": np.__version__,
            "device": f"cpu {platform.machine()} {(simd['baseline'] + simd['found'])[-1]}",
            "threads": threads or "all",
        }

    def compile_seconds(self) -> float:
        return 0.0
