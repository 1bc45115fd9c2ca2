"""The names that a spec can use: every kind of every role, described by the kinds themselves."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, get_args

from recurse.backend import backends
from recurse.families import Family
from recurse.reading import shape
from recurse.reading.docstrings import docstrings
from recurse.reading.problems import RecurseError
from recurse.reading.synonyms import called
from recurse.spec import ROLES, Kind, Spec, kinds

_TYPES = {
    "integer": "whole number",
    "string": "text",
    "object": "mapping",
    "boolean": "true | false",
}


@dataclass(frozen=True)
class Field:
    """A field of a kind."""

    name: str
    type: str
    default: str
    about: str


@dataclass(frozen=True)
class Entry:
    """A kind. ``backends`` is empty where every backend serves it."""

    role: str
    kind: str
    summary: str
    more: tuple[str, ...]
    """Paragraphs."""
    cite: str
    backends: tuple[str, ...]
    fields: tuple[Field, ...]

    def data(self) -> dict[str, Any]:
        """The same as plain data."""
        return asdict(self)


def entries(role: str | None = None, name: str = "") -> list[Entry]:
    """The kinds of a role (or all), or those of one name.

    Raises:
        RecurseError: there is no such role or kind.
    """
    if name and role is None and (singular := _role(name)):
        role, name = singular, ""
    if role is not None and role not in ROLES:
        raise RecurseError(f"there is no role '{role}'", hint=f"known: {', '.join(ROLES)}")
    found = [
        _entry(part, kind, spec)
        for part in ([role] if role else ROLES)
        for kind, spec in kinds(part).items()
    ]
    if not name:
        return found
    named = [entry for entry in found if entry.kind == name]
    if not named and (here := called(name, [entry.kind for entry in found])):
        named = [entry for entry in found if entry.kind == here]
    if not named:
        near = difflib.get_close_matches(name, [entry.kind for entry in found], n=1)
        hint = f"did you mean '{near[0]}'?" if near else "'recurse kinds' lists them"
        raise RecurseError(f"there is no kind '{name}'", hint=hint)
    return named


def _role(name: str) -> str:
    """The role of that name, in the singular or the plural; '' if there is none."""
    plurals = {"policy": "policies", "family": "families"}
    also = {"family": "model", "families": "model"}
    found = [role for role in ROLES if name in (role, plurals.get(role, f"{role}s"))]
    return found[0] if found else also.get(name, "")


def _entry(role: str, kind: str, spec: type[Kind]) -> Entry:
    able: tuple[str, ...] = ()
    if role == "model":
        trained = issubclass(spec, Family) and spec.trained
        able = tuple(b for b, found in backends().items() if not trained or found.trainer)
    if role == "net":
        able = tuple(b for b, found in backends().items() if kind in found.nets)
    first, *more = (_plain(text) for text in inspect.cleandoc(spec.__doc__ or "").split("\n\n"))
    return Entry(role, kind, first, tuple(more), spec.cite, able, tuple(_fields(spec)))


def _fields(spec: type[Spec], above: str = "") -> Iterator[Field]:
    """The fields of a kind, each followed by those of the mapping that it takes."""
    schema, texts = shape.raw(spec), docstrings(spec)
    inside = {f.alias or name: f.annotation for name, f in spec.model_fields.items()}
    for name, node in schema["properties"].items():
        if name == "kind":
            continue
        usual = "required" if name in schema.get("required", ()) else _default(node)
        yield Field(above + name, _type(node), usual, _plain(texts.get(name, "")))
        for inner in _mappings(inside[name]):
            yield from _fields(inner, f"{above}{name}.")


def _mappings(annotation: Any) -> Iterator[type[Spec]]:
    """The specs in an annotation that are no kinds of their own."""
    if isinstance(annotation, type) and issubclass(annotation, Spec):
        if not issubclass(annotation, Kind):
            yield annotation
        return
    for part in get_args(annotation):
        yield from _mappings(part)


def _plain(text: str) -> str:
    """A docstring's words on one line, without its markup."""
    return text.replace("``", "").replace("\n", " ")


def _default(node: dict[str, Any]) -> str:
    value = node.get("default")
    return "-" if value in (None, "", {}, []) else str(value)


def _type(node: dict[str, Any]) -> str:
    """A schema node in a few words."""
    if "enum" in node or "const" in node:
        return " | ".join(map(str, node.get("enum", [node.get("const")])))
    if options := node.get("anyOf"):
        return " | ".join(dict.fromkeys(_type(o) for o in options if o.get("type") != "null"))
    if node.get("type") == "array":
        items = node.get("items")
        return f"list of {_type(items)}" if isinstance(items, dict) else "list"
    text = _TYPES.get(str(node.get("type")), str(node.get("type", "mapping")))
    marks = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {node[key]:g}" for key, sign in marks.items() if key in node]
    return f"{text} {', '.join(bounds)}".strip()
