"""Pictures of what a model draws: images as they are, points of the plane as a scatter plot."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurse.numerics.arrays import Host
from recurse.numerics.streams import Streams
from recurse.sources import Source

SHOWN = 16
"""Images of the first replicate that are kept."""
_SIDE = 96  # pixels of a scatter plot
_POINTS = 1000
_MARGIN = 0.15  # of the extent of the real points, on every side

Floats = NDArray[np.floating[Any]]


class Pictures:
    """Pictures of the samples of the first replicate."""

    def __init__(self, source: Source, streams: Streams) -> None:
        self._source, self._seed = source, streams.seeds[:1]
        self._real: Floats | None = None

    def of(self, samples: Host) -> NDArray[Any] | None:
        """Pictures ``[k, pixels]`` in [0, 1], square ones; None if samples are no such thing."""
        if "image" in samples:
            return samples["image"][0, :SHOWN].reshape(min(SHOWN, samples["image"].shape[1]), -1)
        if "x" not in samples or samples["x"].shape[2:] != (2,):
            return None
        if self._real is None:
            n = min(_POINTS, self._source.available() or _POINTS)
            drawn = self._source.draw(Streams(self._seed), 0, "picture", n)
            self._real = drawn["x"][0]
        return scatter(samples["x"][0, :_POINTS], self._real)[None]


def scatter(points: Floats, real: Floats) -> NDArray[np.float64]:
    """Black dots of ``points [n, 2]`` over grey ones of real data, ``[pixels]`` on white.

    The frame is that of the real data with a margin; points outside of it are at its edge.
    """
    low, high = real.min(axis=0), real.max(axis=0)
    margin = _MARGIN * np.maximum(high - low, 1e-12)
    low, high = low - margin, high + margin
    picture = np.ones((_SIDE, _SIDE))
    for values, shade in ((real, 0.75), (points, 0.0)):
        kept = values[np.isfinite(values).all(axis=1)]
        place = np.clip((kept - low) / (high - low), 0.0, 1.0) * (_SIDE - 1)
        column, row = place.round().astype(int).T
        picture[_SIDE - 1 - row, column] = shade
    return picture.ravel()
