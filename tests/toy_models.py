"""A small model with everything a scenario's model can have: kinds, unions, lists, validators."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from recurse.spec import Kind, Spec


class Vae(Kind):
    kind: Literal["vae"] = "vae"
    latent_dim: Annotated[int, Field(ge=1)]
    vae: int = 1
    """Named like its tag, which pydantic also puts into locations."""


class Linear(Kind):
    kind: Literal["linear"] = "linear"
    ridge: Annotated[float, Field(ge=0, alias="lambda")] = 0.0


Model = Annotated[Vae | Linear, Field(discriminator="kind")]


class Root(Spec):
    version: Literal[1] = 1
    model: Model | None = None
    only: Linear | None = None
    many: tuple[Model, ...] = ()
    seeds: Annotated[int, Field(ge=1)] | tuple[int, ...] = 1
    width: Literal["auto", "full"] | int = "auto"
    mixed: Annotated[int, Field(ge=10)] | float = 10
    step: float = 0.1
    flag: bool = False
    title: str = ""
    even: int = 2
    odd: int = 1
    meta: dict[str, Any] = Field(default_factory=dict)

    @field_validator("even")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("must be even")
        return value

    @field_validator("odd")
    @classmethod
    def _odd(cls, value: int) -> int:
        if not value % 2:
            raise PydanticCustomError("E204", "must be odd, not {value}", {"value": value})
        return value
