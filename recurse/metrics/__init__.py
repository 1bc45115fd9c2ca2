"""Metrics: what is measured of the model of each generation. One file per kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from recurse.families import Family
from recurse.numerics.arrays import Array, Arrays
from recurse.sources import Source
from recurse.spec import Kind


@dataclass(frozen=True)
class View:
    """All that a metric may look at; every array has the replicate axis first."""

    params: Arrays
    truth: Arrays
    samples: Arrays
    """Samples of the model, drawn for measuring only; empty unless a metric needs them."""
    reference: Arrays
    """Held-out real data, ``[n, ...]`` shared by the replicates or ``[R, n, ...]``."""
    quantities: Arrays
    """Quantities of the family on the held-out data by name, the mean per replicate ``[R]``."""
    rarity: Array = None
    """``P(q(X) <= q(x))`` of real data X at the samples ``[R, n]``, for symbols at each of them
    ``[R, K]``; None unless a metric needs it."""


class Metric(Kind):
    """A number per replicate and generation."""

    needs: ClassVar[tuple[Literal["truth", "samples", "heldout", "rarity"], ...]] = ()
    quantity: ClassVar[str] = ""
    """The family's quantity on held-out data that it reads, if any."""
    label: ClassVar[str] = ""
    """The axis title of a figure."""
    worse: ClassVar[Literal["up", "down"]] = "up"
    """The direction of collapse."""
    speaks: ClassVar[frozenset[int]] = frozenset()
    """The definitions of collapse that it is about, by number: the files of `recurse.verdicts`."""
    logarithmic: ClassVar[bool] = False
    """True if the metric is a logarithm, so that its differences are what counts."""

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        """The reason why the metric cannot be measured for this source and family, or None."""
        return None

    def beside(self, source: Source) -> int:
        """Numbers of one replicate that it holds beside samples and held-out data."""
        return 0

    def measure(self, xp: Any, view: View) -> Array:
        """The metric, ``[R]``."""
        raise TypeError(f"{type(self).__name__} measures nothing")


def has_parameters(source: Source, family: Family[Any], name: str) -> str | None:
    """The reason why the true parameters are not comparable with the model's, or None."""
    if source.law != (family.law or family.kind):
        return f"needs the true {name}, and source '{source.kind}' is not a '{family.kind}' law"
    return None
