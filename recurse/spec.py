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
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any, ClassVar, Union, get_args

from pydantic import BaseModel, ConfigDict, Field

from recurse.reading.problems import RecurseError

ROLES = {
    "net": "recurse.nets",
    "source": "recurse.sources",
    "model": "recurse.families",
    "policy": "recurse.policies",
    "sampler": "recurse.samplers",
    "corrector": "recurse.correctors",
    "metric": "recurse.metrics",
    "claim": "recurse.claims",
}
BASES = {
    "net": "Net",
    "source": "Source",
    "model": "Family",
    "policy": "Policy",
    "sampler": "Sampler",
    "corrector": "Corrector",
    "metric": "Metric",
    "claim": "Claim",
}
"""The class in that folder that the kinds of a role inherit from."""


class Spec(BaseModel):
    """Base of everything a scenario can say: immutable, strict scalars, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Kind(Spec):
    """One choice of a role."""

    version: ClassVar[int] = 1
    """Bumped by hand whenever the numbers of this kind change; part of a cell's identity."""
    cite: ClassVar[str] = ""
    """The origin of the kind: paper and section or equation."""

    kind: str


def number_text(value: float) -> str:
    """The shortest text that is exactly this number: two numbers never share one."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value).removesuffix(".0")


class BrokenKind(ValueError):
    """A kind that breaks a promise of its role, such as a metric of another shape."""

    def __init__(self, kind: Kind, text: str) -> None:
        super().__init__(f"'{kind.kind}' {text}")
        self.kind, self.text = kind.kind, text


class BadPlugin(RecurseError):
    """An installed entry point that breaks a promise of its group; nothing can run beside it."""

    def __init__(self, what: str, entry: EntryPoint, why: str) -> None:
        message = f"{what} '{entry.name}' of {distribution(entry)} cannot be used: {why}"
        super().__init__(message, hint="mend that package, or uninstall it")


@cache
def kinds(role: str) -> dict[str, type[Kind]]:
    """The kinds of a role by name, sorted: the files of its folder, then installed entry points.

    Raises:
        BadPlugin: an entry point that cannot be loaded, is no such kind, or has a name that is
            taken.
    """
    package = importlib.import_module(ROLES[role])
    found: dict[str, type[Kind]] = {}
    for module in pkgutil.iter_modules(package.__path__):
        loaded = importlib.import_module(f"{package.__name__}.{module.name}")
        for _, member in inspect.getmembers(loaded, inspect.isclass):
            if member.__module__ == loaded.__name__ and issubclass(member, Kind):
                if name := kind_name(member):
                    found[name] = member
    own = frozenset(found)
    for entry in entry_points(group=f"recurse.{role}"):
        if entry.name in found:
            other = "recurse itself" if entry.name in own else _provider(role, found[entry.name])
            raise BadPlugin(role, entry, f"{other} has a kind of that name")
        found[entry.name] = _loaded(role, entry, getattr(package, BASES[role]))
    return dict(sorted(found.items()))


def _loaded(role: str, entry: EntryPoint, base: type[Kind]) -> type[Kind]:
    try:
        kind: Any = entry.load()
    except Exception as error:
        raise BadPlugin(role, entry, f"{type(error).__name__}: {error}") from error
    if not (inspect.isclass(kind) and issubclass(kind, base)):
        raise BadPlugin(role, entry, f"{entry.value} is no subclass of {base.__name__}")
    if kind_name(kind) != entry.name:
        why = f"its class says kind '{kind_name(kind)}', and both names must be the same"
        raise BadPlugin(role, entry, why)
    return kind


def provider(kind: type[Kind]) -> str:
    """The distribution that provides a kind, with its version; empty for recurse's own."""
    return next((name for role in ROLES if (name := _provider(role, kind))), "")


@cache
def _provider(role: str, kind: type[Kind]) -> str:
    if kind.__module__.startswith("recurse."):
        return ""
    named = entry_points(group=f"recurse.{role}", name=kind_name(kind) or "")
    return next((distribution(entry) for entry in named if entry.load() is kind), "")


def distribution(entry: EntryPoint) -> str:
    """The name and version of the distribution that an entry point belongs to."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value


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
