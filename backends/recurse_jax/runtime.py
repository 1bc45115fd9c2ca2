"""JAX started in this process: 64-bit types allowed, one thread, compiled programs kept on disk."""

from __future__ import annotations

import os

# XLA reads these once, when JAX starts.
_FLAGS = os.environ.get("XLA_FLAGS", "")
for _flag in ("--xla_cpu_multi_thread_eigen=false", "intra_op_parallelism_threads=1"):
    if _flag.partition("=")[0] not in _FLAGS:
        _FLAGS = f"{_FLAGS} {_flag}".strip()
os.environ["XLA_FLAGS"] = _FLAGS
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import warnings  # noqa: E402
from collections.abc import Callable  # noqa: E402
from contextlib import suppress  # noqa: E402
from functools import cache  # noqa: E402
from importlib.metadata import version  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import jax  # noqa: E402
import jax.monitoring  # noqa: E402
import jax.numpy as xp  # noqa: E402
import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from recurse.cache import folder as cache_folder  # noqa: E402
from recurse.numerics.arrays import Array  # noqa: E402

CACHE_BYTES = 1 << 30
PROGRAMS = 500
"""The most compiled programs in memory: each takes a dozen memory maps and 2 MB, and a process may
have 65,530 maps on Linux. A sweep whose arms differ in what is compiled would die of them."""


class JaxRuntime:
    """Arrays of the backend are ``jax.Array``."""

    xp: Any = xp

    def __init__(self) -> None:
        _configure("jax_enable_x64", True)
        _keep_programs()
        _listen()

    def array(self, values: NDArray[Any]) -> Array:
        return xp.asarray(values)

    def host(self, values: Array) -> NDArray[Any]:
        return np.asarray(values)

    def compile(self, function: Callable[..., Any], static: tuple[int, ...]) -> Callable[..., Any]:
        _make_room()
        return _jitted(function, static)

    def repeat(
        self, step: Callable[..., Any], until: Callable[..., Any], static: tuple[int, ...]
    ) -> Callable[..., Any]:
        _make_room()
        return _repeated(step, until, static)

    def numerics(self) -> dict[str, str]:
        device = jax.devices()[0]
        simd = np.show_config(mode="dicts")["SIMD Extensions"]
        tier = f" {(simd['baseline'] + simd['found'])[-1]}" if device.platform == "cpu" else ""
        return {
            **{name: version(name) for name in ("jax", "jaxlib", "flax", "optax")},
            "device": f"{device.device_kind}{tier}",
            "flags": os.environ.get("XLA_FLAGS", ""),
        }

    def compile_seconds(self) -> float:
        return sum(_SPENT)


def _configure(name: str, value: object) -> None:
    update: Callable[[str, object], None] = jax.config.update
    update(name, value)


@cache
def _jitted(function: Callable[..., Any], static: tuple[int, ...]) -> Callable[..., Any]:
    return jax.jit(function, static_argnums=static)


@cache
def _repeated(
    step: Callable[..., Any], until: Callable[..., Any], static: tuple[int, ...]
) -> Callable[..., Any]:
    def repeated(*arguments: Any) -> Any:
        *constants, state = arguments
        return jax.lax.while_loop(
            lambda now: xp.logical_not(until(*constants, now)),
            lambda now: step(*constants, now),
            state,
        )

    return jax.jit(repeated, static_argnums=static)


def _keep_programs() -> None:
    """Keep every compiled program on disk, for the next process and the other workers."""
    folder = cache_folder("jax")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        prune(folder, CACHE_BYTES)
    except OSError:
        return  # a read-only home costs compile time, not the run
    _configure("jax_compilation_cache_dir", str(folder))
    _configure("jax_persistent_cache_min_compile_time_secs", 0.0)
    _configure("jax_persistent_cache_min_entry_size_bytes", -1)
    # An entry cut short by a kill is compiled again; that is no news to the user.
    warnings.filterwarnings("ignore", "Error reading persistent compilation cache entry")


def prune(folder: Path, limit: int) -> None:
    """Remove the entries that were not used for longest until ``limit`` bytes are left.

    JAX's own bound needs the package filelock, which JAX does not bring.
    """
    kept, stats = 0, []
    for path in folder.glob("*-cache"):
        with suppress(FileNotFoundError):  # a worker that starts beside this one prunes too
            stats.append((path.stat(), path))
    for stat, path in sorted(stats, key=lambda item: item[0].st_atime, reverse=True):
        kept += stat.st_size
        if kept > limit:
            path.unlink(missing_ok=True)


_SPENT: list[float] = []
"""Seconds of every trace, lowering and compilation; JAX reports the outermost function only."""


_LOADED: list[str] = []
"""An entry for every program in memory."""


@cache
def _listen() -> None:
    jax.monitoring.register_event_duration_secs_listener(_compiled)


def _compiled(event: str, duration_secs: float, **kwargs: str | int) -> None:
    if event.startswith("/jax/core/compile/"):
        _SPENT.append(duration_secs)
    if event == "/jax/core/compile/backend_compile_duration":
        _LOADED.append(event)


def _make_room() -> None:
    """Forget all programs once there are too many; those still in use come back from the disk."""
    if len(_LOADED) > PROGRAMS:
        forget: Callable[[], None] = jax.clear_caches
        forget()
        _LOADED.clear()
