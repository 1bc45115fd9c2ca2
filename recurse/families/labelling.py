"""Families that predict a label: the last model labels new inputs, or the same ones again."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from recurse.families.roles import Reusing
from recurse.numerics.arrays import Array
from recurse.numerics.streams import Draw, Normal
from recurse.schedule import Row
from recurse.sources.labelled import Labelled

L = TypeVar("L", bound=Labelled)


class Labelling(Reusing[L]):
    """A law of ``y`` given ``x``, whose inputs are the source's."""

    needs: ClassVar[tuple[str, ...]] = ("x", "y")
    quantities: ClassVar[tuple[str, ...]] = ("log_prob",)

    def problems(self, source: L, row: Row, real: int) -> list[tuple[str, str, str]]:
        odd = [use for use in row.runs if use.take % real]
        if source.design == "fresh" or not odd:
            return []
        text = f"a reused design relabels all {real} inputs, {odd[0].pool} has {odd[0].take}"
        return [("samples", "E204", text)]

    def shared(self, source: L) -> tuple[str, ...]:
        return ("x",) if source.design == "reused" else ()

    def new_inputs(self, source: L, n: int) -> dict[str, Draw]:
        """The noise of new inputs; nothing where the design is reused."""
        return {} if source.design == "reused" else {"x": Normal((n, source.dim))}


def copies(xp: Any, x: Array, n: int) -> Array:
    """The design repeated until it has n rows; n is a multiple of its length."""
    return x if x.shape[1] == n else xp.concat([x] * (n // x.shape[1]), axis=1)


def folded(xp: Any, values: Array, n: int) -> Array:
    """Sums over the copies of a design of n inputs: ``[R, n]``."""
    replicates, total = values.shape
    if total == n:
        return values
    return xp.sum(xp.reshape(values, (replicates, total // n, n)), axis=1)
