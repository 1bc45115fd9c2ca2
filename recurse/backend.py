"""The seam to torch, JAX and NumPy: a backend's declaration, and its runtime once it is started.

A declaration is light: it imports no framework, so that `validate` can ask which families a backend
has. A runtime is started inside the process that computes.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from recurse.numerics.arrays import Array, Arrays, Host
from recurse.numerics.streams import Streams
from recurse.spec import BadPlugin

if TYPE_CHECKING:
    from recurse.families.neural import Nets, Neural
    from recurse.nets import Net
    from recurse.sources import Source


class Runtime(Protocol):
    """A started backend."""

    xp: Any
    """The array-API namespace."""

    def array(self, values: NDArray[Any]) -> Array:
        """A NumPy array on the device, dtype kept."""
        ...

    def host(self, values: Array) -> NDArray[Any]:
        """A device array as NumPy."""
        ...

    def compile(self, function: Callable[..., Any], static: tuple[int, ...]) -> Callable[..., Any]:
        """The function compiled (or as it is); arguments at ``static`` are hashable constants."""
        ...

    def repeat(
        self,
        step: Callable[..., Any],
        until: Callable[..., Any],
        static: tuple[int, ...],
    ) -> Callable[..., Any]:
        """Both compiled into ``f(*constants, state)``: steps until ``until(*constants, state)``.

        ``static`` are the places of the constants; the state, last, is a dict of arrays.
        """
        ...

    def numerics(self) -> dict[str, str]:
        """The facts that the bits depend on: versions, device, threads, instruction set."""
        ...

    def compile_seconds(self) -> float:
        """Seconds spent compiling so far."""
        ...


class Wrapper(Protocol):
    """A sampler, as far as a backend sees it; hashable, since programs are compiled for it."""

    def wrap(self, xp: Any, nets: Nets) -> Nets:
        """The networks to sample with."""
        ...


class Trainer(Protocol):
    """A neural family on one backend, for one block of replicates.

    Built as ``Implementation(runtime, family, source, streams)``. A model is a dict of float32
    arrays ``[R, ...]``: weights as ``part.name``, and beside them, where they are kept, their
    average ``average/...`` and the optimiser's ``first/...``, ``second/...`` and ``steps [R]``: the
    same names and shapes on every backend. Batches are NumPy.
    """

    def begin(self, model: Arrays) -> Any:
        """The state of a training that begins at a model; what the model lacks begins anew."""
        ...

    def advance(
        self, state: Any, generation: int, first: int, batches: Host, rates: NDArray[np.float64]
    ) -> tuple[Any, NDArray[np.float64]]:
        """One optimiser step for each of ``rates [k]``, and the losses before them ``[k, R]``.

        Args:
            first: how many steps of this fit came before; addresses the noise.
            batches: fields ``[k, R, batch, ...]``; a field ``weight`` multiplies the losses.
        """
        ...

    def model(self, state: Any) -> dict[str, Array]:
        """Everything that ``begin`` would need to go on from here with the same bits."""
        ...

    def sample(
        self, model: Arrays, generation: int, purpose: str, index: int, n: int, wrapper: Wrapper
    ) -> Host:
        """``n`` samples per replicate; ``index`` counts the calls of one purpose.

        ``wrapper`` changes the networks that are sampled with.
        """
        ...

    def score(
        self, model: Arrays, generation: int, quantity: str, index: int, data: Host
    ) -> NDArray[np.float64]:
        """The family's quantity of each sample of data ``[R, n, ...]``: ``[R, n]``, or numbers that
        ``Neural.summary`` reads; ``index`` counts the calls."""
        ...


@dataclass(frozen=True)
class Backend:
    """A backend's declaration.

    ``trainer`` is a ``module:Class``, and ``nets`` maps the kinds of nets that it has to theirs;
    ``about`` says in a sentence how it differs from others, for those who have to choose one.
    """

    name: str
    runtime: str
    requires: tuple[str, ...] = ()
    install: str = ""
    trainer: str = ""
    nets: Mapping[str, str] = field(default_factory=dict)
    about: str = ""
    compiles: bool = False
    """True if programs are compiled before they run, which takes seconds the first time."""

    def missing(self) -> str | None:
        """The packages to install before this backend can run, or None."""
        absent = [package for package in self.requires if find_spec(package) is None]
        if not absent:
            return None
        return f"backend '{self.name}' needs {', '.join(absent)}: {self.install}"

    def start(self) -> Runtime:
        """Import the framework and start it."""
        _keep_freed_memory()
        runtime: Runtime = _load(self.runtime)()
        return runtime

    def train(
        self, runtime: Runtime, family: Neural[Any], source: Source, streams: Streams
    ) -> Trainer:
        """This backend's trainer for a block of a neural family."""
        built: Trainer = _load(self.trainer)(runtime, family, source, streams)
        return built

    def module(self, net: Net) -> Any:
        """This backend's class of modules for a kind of net."""
        return _load(self.nets[net.kind])


def _keep_freed_memory() -> None:
    """Let the C library keep freed memory, up to 256 MB.

    Otherwise the library hands arrays of some 100 kB back to the system and fetches them again page
    by page: half the time of a loop over them. Only glibc can be told.
    """
    try:
        tell = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    trim_threshold, mmap_threshold = -1, -3
    tell(mmap_threshold, 1 << 25)
    tell(trim_threshold, 1 << 28)


def _load(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


@cache
def backends() -> dict[str, Backend]:
    """Installed backends by name, sorted.

    Raises:
        BadPlugin: an entry point that cannot be loaded, or a name that is taken.
    """
    found: dict[str, Backend] = {}
    for entry in entry_points(group="recurse.backends"):
        if entry.name in found:
            raise BadPlugin("backend", entry, "another distribution has one of that name")
        try:
            found[entry.name] = entry.load()
        except Exception as error:
            raise BadPlugin("backend", entry, f"{type(error).__name__}: {error}") from error
    return dict(sorted(found.items()))
