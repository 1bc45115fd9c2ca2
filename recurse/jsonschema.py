"""The JSON Schema of a pydantic model: for editors and linters, and for finding one's way in data.

Pydantic writes a union tagged by ``kind`` as ``oneOf``, of which validators report a guessed
branch. ``schema`` writes it as one ``if``/``then`` per kind, so that findings are exact, and allows
the short form, a bare string for ``{kind: string}``. The rest finds its way in pydantic's schema.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel

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
    source = raw(model)
    definitions = source.get("$defs", {})
    root = {key: value for key, value in source.items() if key != "$defs"}
    made: Node = {"$schema": DIALECT, **_rewrite(root, definitions)}
    made["properties"] = {**_ANYWHERE, **made.get("properties", {})}
    if definitions:
        made["$defs"] = {name: _rewrite(d, definitions) for name, d in definitions.items()}
    return made


@cache
def raw(model: type[BaseModel]) -> Node:
    """Pydantic's schema of what the model accepts, keys by alias; do not change it."""
    return model.model_json_schema(by_alias=True, mode="validation")


def options(node: Node, definitions: Node) -> Iterator[Node]:
    """The alternatives of a node, references followed and nested unions flattened."""
    if "$ref" in node:
        yield from options(definitions[node["$ref"].rsplit("/", 1)[-1]], definitions)
    elif parts := [part for word in ("oneOf", "anyOf", "allOf") for part in node.get(word, ())]:
        for part in parts:
            yield from options(part, definitions)
    else:
        yield node


def kinds(node: Node, definitions: Node) -> dict[str, Node]:
    """The alternatives of a node that are mappings with a ``kind``, by kind."""
    found = {}
    for option in options(node, definitions):
        kind = option.get("properties", {}).get("kind", {})
        for name in kind.get("enum", [kind["const"]] if "const" in kind else []):
            found[str(name)] = option
    return found


def tagged(node: Node) -> bool:
    """Whether the node is a tagged union, whose tag pydantic puts into the location of errors."""
    return "discriminator" in node or any(map(tagged, node.get("anyOf", ())))


def fitting(node: Node, value: Any, definitions: Node) -> Node:
    """The alternative that describes a mapping or list; empty when there is none or no telling."""
    wanted = "object" if isinstance(value, dict) else "array"
    found = [o for o in options(node, definitions) if o.get("type") == wanted]
    if isinstance(value, dict) and (named := kinds(node, definitions)):
        kind = value.get("kind")
        if isinstance(kind, str) and kind in named:
            return named[kind]
    return found[0] if len(found) == 1 else {}


def child(node: Node, value: Any, step: str | int, definitions: Node) -> Node:
    """The schema of one part of a mapping or list; empty when the schema does not say."""
    parent = fitting(node, value, definitions)
    found: Any = {}
    if isinstance(step, str):
        found = parent.get("properties", {}).get(step, parent.get("additionalProperties"))
    elif step < len(items := parent.get("prefixItems", ())):
        found = items[step]
    else:
        found = parent.get("items")
    return found if isinstance(found, dict) else {}


def shorthand(node: Node, definitions: Node) -> bool:
    """Whether a bare string at this node can only be short for ``{kind: string}``."""
    return bool(kinds(node, definitions)) and not any(
        "properties" not in option and _takes_text(option) for option in options(node, definitions)
    )


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
    if is_schema and shorthand(node, definitions):
        return _choice(node, definitions)
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
    types = [{o.get("type") for o in options(branch, definitions)} for branch in branches]
    names = [str(name) for found in types for name in found if isinstance(name, str)]
    overlap = {"integer", "number"} <= set(names)
    return [] if overlap or len(names) != len(branches) or len(set(names)) < len(names) else names


def _choice(node: Node, definitions: Node) -> Node:
    """A mapping with a kind, or the bare name of a kind that needs no more; null where allowed."""
    named = kinds(node, definitions)
    references = {id(value): f"#/$defs/{name}" for name, value in definitions.items()}
    short = [kind for kind, option in named.items() if not {*option.get("required", ())} - {"kind"}]
    optional = any(option.get("type") == "null" for option in options(node, definitions))
    branches: list[Node] = [{"if": {"type": "string"}, "then": {"enum": short}}]
    known: Node = {"properties": {"kind": {"enum": list(named)}}}
    if tagged(node):
        known["required"] = ["kind"]
    branches.append({"if": {"type": "object"}, "then": known})
    for kind, option in named.items():
        is_kind = {"type": "object", "properties": {"kind": {"const": kind}}}
        if tagged(node):
            is_kind["required"] = ["kind"]
        branches.append({"if": is_kind, "then": {"$ref": references[id(option)]}})
    kept: Node = {key: node[key] for key in ("title", "description", "default") if key in node}
    return {**kept, "type": ["object", "string", *["null"] * optional], "allOf": branches}
