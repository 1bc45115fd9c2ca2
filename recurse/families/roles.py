"""Roles of closed-form families: a family takes one on by inheriting it.

`Exact`: the statistics of a model's samples have a known law. `Conditional`: what is drawn has a
law that depends on the parameters. `Reusing`: pools share a field of the real sample. `Weighed`:
weights may leave too little for a fit. `Pointwise`: a fit looks at every sample. `Relabelling`:
fits on one shared design need sums of its labels only. `Remembering`: models draw from the samples
that they were fitted on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recurse.families import S
from recurse.families.closed import Closed
from recurse.numerics.arrays import Array, Arrays, Host
from recurse.numerics.streams import Draw, Given, Streams
from recurse.schedule import Row


class Exact(Closed[S]):
    """The statistics of n samples of a model are drawn from their exact law, without samples."""

    def statistics_noise(self, source: S, n: int) -> Mapping[str, Draw]:
        """The numbers that ``sample_statistics`` needs for ``n`` samples of one replicate."""
        return {}

    def sample_statistics(
        self, xp: Any, source: S, n: int, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        """The statistics of ``n`` samples from the models, drawn from their exact law."""
        raise TypeError(f"{type(self).__name__} has no law of its statistics")

    def design(self, source: S, streams: Streams, real: int) -> Host:
        """The design on which all statistics of a block depend; drawn once per block."""
        return {}

    def refuses_statistics(self, source: S, row: Row) -> str | None:
        """The reason why this row has no exact law of the statistics, or None."""
        return None


class Conditional(Closed[S]):
    """Some of what is drawn has a law that depends on the parameters; it is drawn on the host."""

    def given(self, source: S, n: int, params: Host) -> Mapping[str, Given]:
        """Such numbers for ``sample_statistics``."""
        return {}

    def given_samples(self, source: S, n: int, params: Host, inputs: Host) -> Mapping[str, Given]:
        """Such numbers for ``sample``; ``inputs`` holds its noise and design."""
        return {}


class Reusing(Closed[S]):
    """All pools of a block may share fields of the real sample: a reused design."""

    def shared(self, source: S) -> tuple[str, ...]:
        """The fields of the real sample that every pool of a block reuses."""
        return ()


class Weighed(Closed[S]):
    """Weights (a filter's, say) may leave too little for a fit."""

    def determined(self, xp: Any, statistics: Arrays) -> Arrays:
        """The statistics of samples, NaN where so few have a weight that there is no fit.

        A broken replicate is recorded, its neighbours run on. Statistics that were drawn from their
        exact law are never short of samples.
        """
        raise TypeError(f"{type(self).__name__} does not say what a fit needs")


class Pointwise(Closed[S]):
    """A fit looks at every sample: the statistics are the samples, and nothing merges."""

    def fit_noise(self, source: S) -> Mapping[str, Draw]:
        """The numbers that a fit needs beside its data, added to the statistics."""
        return {}

    def replicates_per_call(self, source: S, size: int) -> int | None:
        """Replicates per call of a fit to ``size`` samples, so that the working set fits the CPU
        cache; None: all."""
        return None


class Relabelling(Pointwise[S], Reusing[S]):
    """A pointwise family whose pools are labels of one design: their sums per input suffice."""

    def relabels(self, source: S) -> bool:
        """True if the pools of this source share their inputs, so that ``label_sums`` stands for
        ``statistics`` and pools merge; a fit then gets ``fixed`` with the sums."""
        return True

    def fixed(self, xp: Any, design: Arrays) -> dict[str, Array]:
        """The part of the design that fits need, prepared once per block."""
        raise TypeError(f"{type(self).__name__} needs nothing of the design")

    def label_sums(self, xp: Any, batch: Arrays, weights: Array, n: int) -> dict[str, Array]:
        """Sums over the samples of each of n inputs: ``[R, n]``."""
        raise TypeError(f"{type(self).__name__} has no sums of labels")


class Remembering(Closed[S]):
    """A model draws from the samples that it was fitted on: ``noise`` asks for uniform numbers
    ``pick [R, n]``, and ``sample`` gets the training samples that they picked as its ``design``.

    What a metric needs of the density at held-out points is summed up over samples by ``sums``,
    beside ``statistics``.
    """

    @property
    def additive(self) -> bool:
        """True if the sums over earlier samples stay what they were when others are added."""
        return True

    def width(self, count: Any, dim: int) -> Any:
        """The reach of a sample, ``[R]``, for total weights ``count [R]`` in ``dim`` dimensions."""
        return 0.0 * count + 1.0

    def sums(self, xp: Any, x: Array, weights: Array, at: Array, width: Array) -> dict[str, Array]:
        """Sums over samples ``x [R, n, d]`` at points ``at [R, m, d]``, ``[R, m]`` each."""
        return {}

    def distance(self, xp: Any, params: Arrays, truth: Array) -> Array:
        """Total variation to the source from its log-density ``[R, m]`` at the held-out points."""
        raise TypeError(f"{type(self).__name__} has no density")
