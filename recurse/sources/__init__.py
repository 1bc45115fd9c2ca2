"""Sources: where real data come from, a known distribution or a data set. One file per kind."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from recurse.numerics.arrays import Fields
from recurse.numerics.streams import Normal, Streams, Subset
from recurse.spec import Kind

"""Named fields, each ``[R, n, ...]``."""


class Source(Kind):
    """Real data. Batches are dicts of named fields, each ``[R, n, ...]``."""

    law: ClassVar[str | None] = None
    """The family whose parameters ``truth`` returns; None if the source is in no family."""

    @property
    def fields(self) -> dict[str, tuple[int, ...]]:
        """The shape of one sample of each field."""
        raise TypeError(f"{type(self).__name__} has no fields")

    @property
    def classes(self) -> int:
        """The number of classes if samples have a field ``label``, 0, 1, ...; else 0."""
        return 0

    def truth(self, streams: Streams) -> Fields:
        """The true parameters by name, ``[R, ...]``; empty when they are not known."""
        return {}

    def draw(self, streams: Streams, generation: int, purpose: str, n: int) -> Fields:
        """``n`` real samples per replicate, independent of other generations and purposes."""
        raise TypeError(f"{type(self).__name__} cannot be drawn from")

    def heldout(self) -> Mapping[str, NDArray[Any]]:
        """A test set shared by all replicates, each field ``[n, ...]``; empty for known laws."""
        return {}

    def second_moment(self, n: int) -> float | None:
        """``E||x||^2`` of a sample of ``n``, about the origin; None if it is not known."""
        return None

    def log_density(self, x: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """The log-density at points ``[..., d]``, ``[...]`` in nats; None if it is not known."""
        return None

    def rarity(self, x: NDArray[Any]) -> NDArray[np.float64] | None:
        """The share of real data that are no more likely than ``x [..., d]``: ``[...]``.

        By default from 2^18 real data, with a standard error below 0.001; None without a density.
        """
        density = self.log_density(x)
        if density is None:
            return None
        levels = _levels(self)
        return np.searchsorted(levels, density, side="right") / len(levels)

    def available(self) -> int | None:
        """The number of distinct real samples; None if there is no limit."""
        return None

    def common(self, n: int) -> str:
        """The data that seeds have in common, in words; empty if their samples are independent.

        Two samples of ``n`` rows out of N without replacement share ``n^2 / N`` on average.
        """
        rows = self.available()
        if rows is None:
            return ""
        return (
            f"all seeds share one test set, and any two of them on average {n / rows:.0%} of the "
            f"{n} samples of their real data"
        )

    def digest(self) -> str:
        """A hash of the data behind the source; empty when the spec alone determines it."""
        return ""

    def problems(self) -> list[tuple[str, str, str]]:
        """Reasons why the source cannot be used: (path below ``source``, code, message).

        Reads a bounded part of its data only.
        """
        return []

    def flaws(self) -> list[tuple[str, str, str]]:
        """The same, of all of its data: asked once before a run is planned."""
        return []

    @property
    def counted(self) -> bool:
        """True if `available` is known without reading all data."""
        return True

    def footprint(self) -> int:
        """Bytes of data that a process holds, however many replicates it runs."""
        return 0


@lru_cache(maxsize=16)
def _levels(source: Source) -> NDArray[np.float64]:
    """The log-density at real data, ascending."""
    streams, parts = Streams((0,)), []
    for part in range(4):
        x = source.draw(streams, part, "rarity", 1 << 16)["x"][0]
        parts.append(np.asarray(source.log_density(x)))
    return np.sort(np.concatenate(parts))


class Discrete(Source):
    """A source of symbols, numbered from 0."""

    @property
    def alphabet(self) -> int:
        """The number of symbols."""
        raise TypeError(f"{type(self).__name__} has no alphabet")


def scattered(
    streams: Streams, generation: int, purpose: str, points: NDArray[np.float64], noise: float
) -> Fields:
    """Fixed points ``[n, d]`` in an order of each replicate's own, with normal noise."""
    order = streams.draw(generation, f"{purpose}/order", Subset(len(points), len(points)))
    z = streams.draw(generation, f"{purpose}/z", Normal(points.shape))
    return {"x": points[order.astype(np.int64)] + noise * z}


def pick(streams: Streams, generation: int, purpose: str, total: int, n: int) -> NDArray[np.int64]:
    """The rows of a data set of ``total`` that a pool takes, without replacement: ``[R, n]``.

    The real sample and the fresh samples of a seed are disjoint parts of one permutation: real from
    the front, fresh from the back. Other purposes take a subset of their own.
    """
    if purpose not in ("real", "fresh"):
        return streams.draw(generation, f"{purpose}/index", Subset(total, n)).astype(np.int64)
    order = streams.draw(0, "permutation", Subset(total, total)).astype(np.int64)
    if purpose == "real":
        return order[:, :n]
    stop = total - (generation - 1) * n
    return order[:, stop - n : stop]
