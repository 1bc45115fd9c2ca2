"""The shape that a model wants of data, by its JSON Schema: for editors, and for finding the way.

Pydantic writes a union tagged by ``kind`` as ``oneOf``, of which validators report a guessed
branch. ``schema`` writes it as one ``if``/``then`` per kind, so that findings are exact, and allows
the short form, a bare string for ``{kind: string}``. ``Place`` finds the way in pydantic's schema,
in which a `Choice` stands for all its kinds: only those that are asked for are looked up.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, cached_property
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from recurse.reading.choice import NODE, Choice
from recurse.reading.docstrings import docstrings, models

Node = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ANYWHERE = {  # keys of a file that the reader takes care of, whatever the model is
    "$schema": {"type": "string", "description": "Where editors find this schema."},
    "extends": {
        "description": "Files whose values this one starts from, by relative path.",
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
    },
}


def schema(model: type[BaseModel]) -> Node:
    """The schema to publish."""
    source = _described(model)
    definitions = source.get("$defs", {})
    root = {key: value for key, value in source.items() if key != "$defs"}
    made: Node = {"$schema": DIALECT, **_rewrite(root, definitions)}
    made["properties"] = {**_ANYWHERE, **made.get("properties", {})}
    if definitions:
        made["$defs"] = {name: _rewrite(d, definitions) for name, d in definitions.items()}
    return made


@cache
def raw(model: type[BaseModel]) -> Node:
    """Pydantic's schema of the data that the model accepts, keys by alias; do not change it."""
    return model.model_json_schema(by_alias=True, mode="validation")


def _described(model: type[BaseModel]) -> Node:
    """The same with all kinds of every choice, and the docstring of each field."""
    kinds = _kinds(model)
    references, source = models_json_schema([(each, "validation") for each in (model, *kinds)])
    made: Node = source["$defs"].pop(_name(references[model, "validation"]))
    made["$defs"] = source["$defs"]
    made = _spelt_out(made, {kind: references[kind, "validation"] for kind in kinds})
    known = {name: found for each in (*kinds, model) for name, found in models(each).items()}
    for name, node in [(model.__name__, made), *made["$defs"].items()]:
        for field, text in docstrings(known[name]).items() if name in known else ():
            if field in node.get("properties", {}):
                node["properties"][field].setdefault("description", text)
    return made


def _kinds(model: type[BaseModel]) -> list[type[BaseModel]]:
    """All kinds that may stand somewhere in a model."""
    found: dict[type[BaseModel], None] = {}
    waiting = [model]
    while waiting:
        for choice in _choices(raw(waiting.pop())):
            new = [kind for kind in choice.every().values() if kind not in found]
            found |= dict.fromkeys(new)
            waiting += new
    return list(found)


def _choices(node: Any) -> Iterator[Choice]:
    if isinstance(node, Choice):
        yield node
    elif isinstance(node, dict | list):
        for part in node.values() if isinstance(node, dict) else node:
            yield from _choices(part)


def _spelt_out(node: Any, references: dict[type[BaseModel], Node]) -> Any:
    """A schema with a tagged union, as pydantic writes it, in place of every choice."""
    if isinstance(node, list):
        return [_spelt_out(item, references) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _spelt_out(value, references) for key, value in node.items() if key != NODE}
    if NODE in node:
        every = {name: references[kind] for name, kind in node[NODE].every().items()}
        mapping = {name: reference["$ref"] for name, reference in every.items()}
        made["discriminator"] = {"mapping": mapping, "propertyName": "kind"}
        made["oneOf"] = list(every.values())
    return made


def _name(reference: Node) -> str:
    return str(reference["$ref"].rsplit("/", 1)[-1])


class Place:
    """The values allowed at one place of the data, by pydantic's schema; cheap to ask again."""

    def __init__(self, node: Node, definitions: Node) -> None:
        self.node = node
        self.definitions = definitions
        self._children: dict[int, Place] = {}

    @cached_property
    def options(self) -> list[Node]:
        """The alternatives, references followed and nested unions flattened."""
        return list(_options(self.node, self.definitions))

    @cached_property
    def kinds(self) -> dict[str, Place]:
        """The alternatives that are mappings with a ``kind``, by kind."""
        found: dict[str, Place] = {}
        for option in self.options:
            if NODE in option:
                found |= {name: root(kind) for name, kind in option[NODE].every().items()}
            for name in _tags(option):
                found[name] = Place(option, self.definitions)
        return found

    def kind(self, name: str) -> Place | None:
        """One of ``kinds``, or None; others are not looked up for it."""
        if not self._choices:
            return self.kinds.get(name)
        found = (choice.find(name) for choice in self._choices)
        return next((root(kind) for kind in found if kind), None)

    @cached_property
    def _choices(self) -> list[Choice]:
        return [option[NODE] for option in self.options if NODE in option]

    @cached_property
    def tagged(self) -> bool:
        """True if this is a tagged union, whose tag pydantic puts into the location of errors."""
        return _tagged(self.node)

    @cached_property
    def shorthand(self) -> bool:
        """True if a bare string here can only be short for ``{kind: string}``."""
        plain = [o for o in self.options if "properties" not in o and NODE not in o]
        some = self._choices or any(map(_tags, self.options))
        return bool(some) and not any(map(_takes_text, plain))

    @cached_property
    def properties(self) -> Node:
        """The keys that a mapping here may have."""
        found: Node = self.node.get("properties", {})
        return found

    def fitting(self, value: Any) -> Place:
        """The alternative for a mapping or list; ``NOWHERE`` when there is none or no telling."""
        kind = value.get("kind") if isinstance(value, dict) else None
        if isinstance(kind, str) and (found := self.kind(kind)):
            return found
        return self._objects if isinstance(value, dict) else self._arrays

    def child(self, value: Any, step: str | int) -> Place:
        """The place of one part of ``value``; ``NOWHERE`` when the schema does not say."""
        parent = self.fitting(value)
        items = parent.node.get("prefixItems", ())
        if isinstance(step, str):
            part = parent.properties.get(step, parent.node.get("additionalProperties"))
        else:
            part = items[step] if step < len(items) else parent.node.get("items")
        if not isinstance(part, dict):
            return NOWHERE
        return parent._children.setdefault(id(part), Place(part, parent.definitions))

    @cached_property
    def _objects(self) -> Place:
        return self._only("object")

    @cached_property
    def _arrays(self) -> Place:
        return self._only("array")

    def _only(self, wanted: str) -> Place:
        found = [option for option in self.options if option.get("type") == wanted]
        return Place(found[0], self.definitions) if len(found) == 1 else NOWHERE


NOWHERE = Place({}, {})


@cache
def root(model: type[BaseModel]) -> Place:
    """The place of the whole data."""
    return Place(raw(model), raw(model).get("$defs", {}))


def _options(node: Node, definitions: Node) -> Iterator[Node]:
    if "$ref" in node:
        yield from _options(definitions[_name(node)], definitions)
    elif parts := [part for word in ("oneOf", "anyOf", "allOf") for part in node.get(word, ())]:
        for part in parts:
            yield from _options(part, definitions)
    else:
        yield node


def _tags(option: Node) -> list[str]:
    """The kinds that an alternative is for."""
    kind = option.get("properties", {}).get("kind", {})
    return [str(name) for name in kind.get("enum", [kind["const"]] if "const" in kind else [])]


def _tagged(node: Node) -> bool:
    return "discriminator" in node or any(map(_tagged, node.get("anyOf", ())))


def _takes_text(option: Node) -> bool:
    values = option.get("enum", [option["const"]] if "const" in option else None)
    if values is not None:
        return any(isinstance(value, str) for value in values)
    return bool(option.get("type", "string") == "string")


def _rewrite(node: Any, definitions: Node) -> Any:
    """A copy of a schema in which every place for kinds is written as ``_choice``."""
    if isinstance(node, list):
        return [_rewrite(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    is_schema = any(word in node for word in ("$ref", "oneOf", "anyOf", "allOf"))
    if is_schema and Place(node, definitions).shorthand:
        return _choice(Place(node, definitions), definitions)
    if "anyOf" in node and (types := _distinct(node["anyOf"], definitions)):
        made: Node = {key: value for key, value in node.items() if key != "anyOf"}
        pairs = zip(types, node["anyOf"], strict=True)
        branches = [
            {"if": {"type": name}, "then": _rewrite(branch, definitions)}
            for name, branch in pairs
            if name != "null"
        ]
        return {**made, "type": types, "allOf": branches}
    return {key: _rewrite(value, definitions) for key, value in node.items()}


def _distinct(branches: list[Node], definitions: Node) -> list[str]:
    """The JSON types of the branches of a union if no value can be of two of them, else nothing."""
    types = [{o.get("type") for o in _options(branch, definitions)} for branch in branches]
    names = [str(name) for found in types for name in found if isinstance(name, str)]
    overlap = {"integer", "number"} <= set(names)
    return [] if overlap or len(names) != len(branches) or len(set(names)) < len(names) else names


def _choice(place: Place, definitions: Node) -> Node:
    """A mapping with a kind, or the bare name of a kind that needs no more; null where allowed."""
    named = {kind: option.node for kind, option in place.kinds.items()}
    references = {id(value): f"#/$defs/{name}" for name, value in definitions.items()}
    short = [kind for kind, option in named.items() if not {*option.get("required", ())} - {"kind"}]
    optional = any(option.get("type") == "null" for option in place.options)
    branches: list[Node] = [{"if": {"type": "string"}, "then": {"enum": short}}]
    known: Node = {"properties": {"kind": {"enum": list(named)}}}
    if place.tagged:
        known["required"] = ["kind"]
    branches.append({"if": {"type": "object"}, "then": known})
    for kind, option in named.items():
        is_kind = {"type": "object", "properties": {"kind": {"const": kind}}}
        if place.tagged:
            is_kind["required"] = ["kind"]
        branches.append({"if": is_kind, "then": {"$ref": references[id(option)]}})
    kept: Node = {
        key: place.node[key] for key in ("title", "description", "default") if key in place.node
    }
    return {**kept, "type": ["object", "string", *["null"] * optional], "allOf": branches}
