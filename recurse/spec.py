"""Frozen specs, and a folder of kinds turned into one choice by ``kind``.

Every choice in a scenario (source, model, policy, ...) is a mapping with a ``kind``. Each kind is
one file in the folder of its role, of the kind's name: a subclass of its base with
``kind: Literal["name"] = "name"``. Files are discovered, nobody edits a list, and a file is
imported when a scenario names its kind. Third-party kinds are entry points of the group
``recurse.<role>`` whose name is the kind and whose value is such a class.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache, partial
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import Annotated, Any, ClassVar, get_args

from pydantic import BaseModel, ConfigDict

from recurse.reading.choice import Choice
from recurse.reading.problems import RecurseError

ROLES = {
    "source": "recurse.sources",
    "model": "recurse.families",
    "policy": "recurse.policies",
    "sampler": "recurse.samplers",
    "corrector": "recurse.correctors",
    "metric": "recurse.metrics",
    "claim": "recurse.claims",
    "net": "recurse.nets",
}
BASES = {
    "source": "Source",
    "model": "Family",
    "policy": "Policy",
    "sampler": "Sampler",
    "corrector": "Corrector",
    "metric": "Metric",
    "claim": "Claim",
    "net": "Net",
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
    own = {file: kind for file in _files(role) if (kind := _in_file(role, file))}
    return dict(sorted({**own, **_plugins(role, entry_points(group=f"recurse.{role}"))}.items()))


@cache
def find(role: str, name: str) -> type[Kind] | None:
    """The kind of a role of that name, or None; no other file of its folder is imported for it.

    Raises:
        BadPlugin: as ``kinds``, for the entry points of any role.
    """
    installed = _installed()[role]
    return _in_file(role, name) if name in _files(role) else installed.get(name)


@cache
def _files(role: str) -> frozenset[str]:
    package = importlib.import_module(ROLES[role])
    return frozenset(module.name for module in pkgutil.iter_modules(package.__path__))


def _in_file(role: str, file: str) -> type[Kind] | None:
    """The kind that a file of a role's folder is for, named like the file; None if it has none."""
    loaded = importlib.import_module(f"{ROLES[role]}.{file}")
    members = (member for member in vars(loaded).values() if inspect.isclass(member))
    kinds = (member for member in members if issubclass(member, Kind))
    own = (kind for kind in kinds if kind.__module__ == loaded.__name__)
    return next((kind for kind in own if kind_name(kind) == file), None)


@cache
def _installed() -> dict[str, dict[str, type[Kind]]]:
    """The kinds that are installed beside recurse, by role and name."""
    every = entry_points()
    return {role: _plugins(role, every.select(group=f"recurse.{role}")) for role in ROLES}


def _plugins(role: str, entries: EntryPoints) -> dict[str, type[Kind]]:
    package = importlib.import_module(ROLES[role])
    found: dict[str, type[Kind]] = {}
    for entry in entries:
        own = entry.name in _files(role) and _in_file(role, entry.name)
        if own or entry.name in found:
            other = "recurse itself" if own else _provider(role, found[entry.name])
            raise BadPlugin(role, entry, f"{other} has a kind of that name")
        found[entry.name] = _loaded(role, entry, getattr(package, BASES[role]))
    return found


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
    """The base of a role's kinds, annotated as a pydantic field type that takes any of them."""
    base = getattr(importlib.import_module(ROLES[role]), BASES[role])
    return Annotated[base, Choice(partial(find, role), partial(kinds, role))]
