"""Sources of single numbers: one field ``x`` of shape (1,), one true ``theta``."""

from __future__ import annotations

import numpy as np

from recurse.numerics.arrays import Fields
from recurse.numerics.streams import Streams
from recurse.sources import Source


class Scalar(Source):
    """Independent numbers from a law with one unknown parameter."""

    @property
    def fields(self) -> dict[str, tuple[int, ...]]:
        return {"x": (1,)}

    @property
    def theta(self) -> float:
        """The true value of the parameter that the family of the same name fits."""
        raise TypeError(f"{type(self).__name__} has no parameter")

    def truth(self, streams: Streams) -> Fields:
        return {"theta": np.full(len(streams.seeds), self.theta)}
