"""Sampling at another temperature, for models of discrete outcomes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from recurse.families import Family
from recurse.numerics.arrays import Arrays
from recurse.samplers import Sampler


class Temperature(Sampler):
    """Draw from probabilities proportional to ``p^(1/value)``: below 1 favours what is frequent."""

    kind: Literal["temperature"] = "temperature"
    cite = "Dohmatob et al. 2402.07043; Marchi et al. (temperature)"
    value: Annotated[float, Field(gt=0)]

    def refusal(self, family: Family[Any]) -> str | None:
        if "p" in family.parameters:
            return None
        return f"a temperature acts on probabilities, and family '{family.kind}' has none"

    def adapt(self, xp: Any, params: Arrays) -> Arrays:
        p = params["p"]
        top = xp.max(p, axis=-1, keepdims=True)
        raised = (p / top) ** (1.0 / self.value)
        return {**params, "p": raised / xp.sum(raised, axis=-1, keepdims=True)}
