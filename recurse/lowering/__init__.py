"""The execution of a block: on `statistics` (their exact law) or on `samples`."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from recurse.numerics.arrays import Arrays, Host
from recurse.schedule import Pool, Row

Numbers = dict[str, NDArray[np.float64]]
"""Named numbers per replicate, each ``[R]``."""


class Pools(Protocol):
    """The data of earlier generations, as far as later rows need them."""

    def add(self, pool: Pool, value: Any) -> None:
        """Keep a pool."""
        ...

    def gather(self, row: Row) -> Any:
        """The training set that a row names."""
        ...

    def forget(self, following: Row | None) -> None:
        """Drop what no later row uses; ``following`` is the next row, None after the last one."""
        ...

    def pack(self) -> dict[str, NDArray[Any]]:
        """Everything held, as named arrays on the host."""
        ...

    def unpack(self, arrays: Host) -> None:
        """The inverse of ``pack``."""
        ...

    def resume(self, row: Row, following: Row) -> bool:
        """After ``unpack``: what is held is the state after ``row``. False if ``following`` needs
        more: a run of fewer generations may have kept less."""
        ...


class Operations(Protocol):
    """The operations of one block; every array has the replicate axis first."""

    @property
    def pools(self) -> Pools: ...

    def real(self, n: int) -> Any:
        """The fixed real sample."""
        ...

    def fresh(self, generation: int, n: int) -> Any:
        """New real data of a generation."""
        ...

    def synthesise(self, generation: int, params: Arrays, n: int) -> tuple[Any, Numbers]:
        """Corrected samples of the models, and what the corrector records."""
        ...

    def fit(self, generation: int, data: Any, previous: Arrays | None) -> tuple[Arrays, Numbers]:
        """New models, and what the training records."""
        ...

    def measure(self, generation: int, params: Arrays) -> Numbers:
        """Every metric of the scenario."""
        ...

    def images(self, generation: int, params: Arrays) -> NDArray[Any] | None:
        """Samples of the first replicate, ``[k, pixels]`` in [0, 1]; None if they are no images."""
        ...

    def finite(self, params: Arrays, previous: Arrays | None) -> tuple[Arrays, NDArray[np.bool_]]:
        """Broken replicates set to their previous state (or zero), and which are whole."""
        ...
