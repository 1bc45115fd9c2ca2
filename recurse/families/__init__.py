"""Families: the kind of model that is refitted in every generation. One file per kind.

Both halves are written once against the array API. A closed-form family runs in float64 on every
backend: `recurse.families.closed` and, for what only some of them do, `recurse.families.roles`. A
neural one is an objective and a sampler: `recurse.families.neural`; its network is a kind of
`recurse.nets`, and a backend has one trainer for all.
"""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

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
    """True if it is trained by gradient steps, in float32 and by the trainer of each backend: a
    warm start means something to it."""

    @property
    def foresees(self) -> bool:
        """True if a fit depends on how many generations follow: a longer loop is another one."""
        return False

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
