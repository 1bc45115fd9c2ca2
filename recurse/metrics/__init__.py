"""Metrics: what is measured of the model of each generation. One file per kind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field

from recurse.families import Family
from recurse.numerics.arrays import Array, Arrays
from recurse.sources import Source
from recurse.spec import Kind, kind_name

Needs: TypeAlias = tuple[Literal["truth", "samples", "heldout", "rarity"], ...]


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

    needs: ClassVar[Needs] = ()
    """Of a `View`; who needs samples or held-out data is `Sampled` or `HeldOut` as well."""
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

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse a metric that does not say how much of what it needs.

        Raises:
            TypeError: `needs` and the bases do not agree.
        """
        if kind_name(cls) is None:
            return
        for need, base in (("samples", Sampled), ("heldout", HeldOut)):
            if (need in cls.needs) != issubclass(cls, base):
                text = f"a metric with '{need}' among its needs is a {base.__name__}, and no other"
                raise TypeError(f"{cls.__name__}: {text}")

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        """The reason why the metric cannot be measured for this source and family, or None."""
        return None

    def beside(self, source: Source) -> int:
        """Numbers of one replicate that it holds beside samples and held-out data."""
        return 0

    def measure(self, xp: Any, view: View) -> Array:
        """The metric, ``[R]``."""
        raise TypeError(f"{type(self).__name__} measures nothing")


class Sampled(Metric):
    """A metric of samples: so many are drawn of each model, for measuring only."""

    needs: ClassVar[Needs] = ("samples",)
    samples: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    """Samples drawn per model."""


class HeldOut(Metric):
    """A metric on held-out real data, so many per seed."""

    needs: ClassVar[Needs] = ("heldout",)
    heldout: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    """Held-out samples per seed if the source is a law; a data set has its own test split."""


def sampled(metrics: Iterable[Metric]) -> int:
    """Samples of each model that the metrics need."""
    return max((metric.samples for metric in metrics if isinstance(metric, Sampled)), default=0)


def held_out(metrics: Iterable[Metric]) -> int:
    """Held-out samples per seed that the metrics need."""
    return max((metric.heldout for metric in metrics if isinstance(metric, HeldOut)), default=0)


def has_parameters(source: Source, family: Family[Any], name: str) -> str | None:
    """The reason why the true parameters are not comparable with the model's, or None."""
    if source.law != (family.law or family.kind):
        return f"needs the true {name}, and source '{source.kind}' is not a '{family.kind}' law"
    return None
