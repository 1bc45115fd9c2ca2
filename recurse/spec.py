"""Frozen specs, and a folder of kinds turned into one union tagged by ``kind``.

Every choice in a scenario (source, model, policy, ...) is a mapping with a ``kind``. Each kind is
one file in the folder of its role: a subclass of its base with ``kind: Literal["name"] = "name"``.
Files are discovered, nobody edits a list. Third-party kinds are entry points of the group
``recurse.<role>`` whose name is the kind and whose value is such a class.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache
from importlib.metadata import entry_points
from typing import Annotated, Any, ClassVar, Union, get_args

from pydantic import BaseModel, ConfigDict, Field

ROLES = {
    "source": "recurse.sources",
    "model": "recurse.families",
    "policy": "recurse.policies",
    "sampler": "recurse.samplers",
    "corrector": "recurse.correctors",
    "metric": "recurse.metrics",
    "claim": "recurse.claims",
}


class Spec(BaseModel):
    """Base of everything a scenario can say: immutable, strict scalars, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Kind(Spec):
    """One choice of a role."""

    version: ClassVar[int] = 1
    """Bumped by hand whenever the numbers of this kind change; part of a cell's identity."""
    cite: ClassVar[str] = ""
    """Where the kind comes from: paper and section or equation."""

    kind: str


def number_text(value: float) -> str:
    """The shortest text that is exactly this number: two numbers never share one."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value).removesuffix(".0")


@cache
def kinds(role: str) -> dict[str, type[Kind]]:
    """The kinds of a role by name, sorted: the files of its folder, then installed entry points.

    Raises:
        ValueError: two providers of one name.
    """
    package = importlib.import_module(ROLES[role])
    found: dict[str, type[Kind]] = {}
    for module in pkgutil.iter_modules(package.__path__):
        loaded = importlib.import_module(f"{package.__name__}.{module.name}")
        for _, member in inspect.getmembers(loaded, inspect.isclass):
            if member.__module__ == loaded.__name__ and issubclass(member, Kind):
                if name := kind_name(member):
                    found[name] = member
    for entry in entry_points(group=f"recurse.{role}"):
        if entry.name in found:
            raise ValueError(f"{role} kind '{entry.name}' is provided twice (by {entry.value})")
        found[entry.name] = entry.load()
    return dict(sorted(found.items()))


def kind_name(spec: type[Kind]) -> str | None:
    """The value of ``kind``, or None for a base class."""
    values = get_args(spec.model_fields["kind"].annotation)
    return str(values[0]) if values else None


def union(role: str) -> Any:
    """The annotated union of a role's kinds, for use as a pydantic field type."""
    members = tuple(kinds(role).values())
    if len(members) == 1:
        return members[0]
    return Annotated[Union[members], Field(discriminator="kind")]  # noqa: UP007
