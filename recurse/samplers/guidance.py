"""Classifier-free guidance: samples look more like their class, and less like each other."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from recurse.families import Family
from recurse.families.neural import Nets
from recurse.families.vectors import Vectors
from recurse.numerics.arrays import Array
from recurse.samplers import Sampler


class Guidance(Sampler):
    """The net answers ``(1 + w) f(x, class) - w f(x, no class)``: w = 0 is the net itself."""

    kind: Literal["guidance"] = "guidance"
    cite = "Ho & Salimans 2207.12598, equation 6; in a loop: Alemohammad et al. 2307.01850"
    w: Annotated[float, Field(ge=-1, le=100)]
    """The weight; -1 forgets the class."""

    def refusal(self, family: Family[Any]) -> str | None:
        if not isinstance(family, Vectors):
            return f"guidance acts on nets that are told a class; '{family.kind}' has none"
        if not family.labels:
            return "guidance needs a net that is told classes: set labels in the model"
        return None if family.dropout > 0 else "guidance needs training samples without a class"

    def wrap(self, xp: Any, nets: Nets) -> Nets:
        net = nets["net"]

        def guided(x: Array, time: Array, label: Array) -> Array:
            told, free = net(x, time=time, label=label), xp.zeros_like(label)
            return told + self.w * (told - net(x, time=time, label=free))

        return {**nets, "net": guided}
