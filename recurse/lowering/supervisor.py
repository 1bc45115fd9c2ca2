"""An engine stands behind a block while it runs: it hears of progress, keeps fits and pools."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from recurse.numerics.arrays import Fields


class Fit(NamedTuple):
    """A training that was stopped in the middle."""

    steps: int
    arrays: dict[str, NDArray[Any]]


class Step(NamedTuple):
    """A fit after a few more optimiser steps."""

    generation: int
    done: int
    """Steps of this fit so far."""
    total: int
    """Steps that it will have."""
    losses: NDArray[np.float64]
    """Of the newest steps, ``[k, R]``."""
    arrays: Callable[[], dict[str, NDArray[Any]]]
    """Gives all that the fit would need to go on from here."""


class Supervisor(Protocol):
    """Who stands behind a block: a worker process, or nobody."""

    def unfinished(self, generation: int) -> Fit | None:
        """The fit of this generation as far as it was kept, or None."""
        ...

    def step(self, step: Step) -> None:
        """Called after every few optimiser steps.

        Raises:
            Exception: of the engine's, if nobody waits for the block any more.
        """
        ...

    def put(self, pool: str, fields: Fields) -> tuple[str, Fields]:
        """Keep a pool; returns the name that it is found by, and its samples to read from."""
        ...

    def get(self, name: str) -> Fields | None:
        """A pool that was kept, or None if it is gone or damaged."""
        ...

    def needed(self, names: Collection[str]) -> None:
        """Told after every generation which pools later ones use."""
        ...


class Alone:
    """A supervisor that keeps nothing: for blocks outside of a worker."""

    def __init__(self) -> None:
        self._pools: dict[str, Fields] = {}

    def unfinished(self, generation: int) -> Fit | None:
        return None

    def step(self, step: Step) -> None:
        return None

    def put(self, pool: str, fields: Fields) -> tuple[str, Fields]:
        self._pools[pool] = fields
        return pool, fields

    def get(self, name: str) -> Fields | None:
        return self._pools.get(name)

    def needed(self, names: Collection[str]) -> None:
        self._pools = {name: fields for name, fields in self._pools.items() if name in names}
