"""Families: the kind of model that is refitted in every generation. One file per kind.

A closed-form family is written once against the array API, in float64, and runs on every backend:
`recurse.families.closed` and, for what only some of them do, `recurse.families.roles`. A neural
family is a spec here and one file in each backend that has it.
"""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

from recurse.numerics.arrays import Host
from recurse.numerics.streams import Streams
from recurse.schedule import Row
from recurse.sources import Source
from recurse.spec import Kind

S = TypeVar("S", bound=Source)


class Family(Kind, Generic[S]):
    """A kind of model. ``needs`` names the fields of a batch that it is fitted on."""

    needs: ClassVar[tuple[str, ...]] = ()
    law: ClassVar[str] = ""
    """The law whose parameters it has, as sources name it; empty: its own kind's."""
    parameters: ClassVar[tuple[str, ...]] = ()
    """The names of its parameters, where samplers and metrics may rely on them."""
    quantities: ClassVar[tuple[str, ...]] = ()
    """Quantities of held-out data that ``evaluate`` offers: ``log_prob``, ``elbo``, ..."""
    trained: ClassVar[bool] = False
    """True if it is trained by gradient steps, in float32 and by code of its own in each backend: a
    warm start means something to it, and weights of samples do not."""

    def refusal(self, source: Source) -> str | None:
        """The reason why the family cannot model this source, or None."""
        absent = [name for name in self.needs if name not in source.fields]
        if not absent:
            return None
        return f"'{self.kind}' needs {absent}, source '{source.kind}' has {list(source.fields)}"

    def problems(self, source: S, row: Row, real: int) -> list[tuple[str, str, str]]:
        """Reasons why a fit on this row cannot work: (path below the arm, code, message)."""
        return []

    def fields(self, source: S) -> dict[str, tuple[int, ...]]:
        """The fields of the batches that the family samples."""
        return {name: source.fields[name] for name in self.needs}


class Network(Family[S]):
    """A family that is trained by gradient steps: its other half is one file in each backend."""

    trained: ClassVar[bool] = True

    def initial(self, streams: Streams, generation: int, source: S) -> Host:
        """The weights that training from scratch starts from, ``[R, ...]`` each."""
        raise TypeError(f"{type(self).__name__} has no weights")

    def cost(self, source: S, size: int) -> tuple[int, float]:
        """Weights of one replicate, and arithmetic operations of one fit on ``size`` samples."""
        raise TypeError(f"{type(self).__name__} has no weights")
