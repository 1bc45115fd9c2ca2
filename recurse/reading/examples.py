"""The way to write a missing key: its kinds, its values, or a line with an allowed one."""

from __future__ import annotations

import json
from typing import Any

from recurse.reading.shape import Node, Place

MOST = 24
"""Names in one line; of more, the first so many and a mark."""
_NOUNS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}
_NUMBERS = (10, 1, 0.5, 0)
_TEXT = "..."


def wanted(key: str, place: Place, role: bool) -> str:
    """The hint for a required key, in words; '' where the schema does not say.

    Args:
        place: where the value of the key belongs.
        role: True if the key is named like the kinds that `recurse kinds` lists.
    """
    options = [option for option in place.options if option.get("type") != "null"]
    if not options:
        return ""
    if kinds := place.kinds or _items(place).kinds:
        many = "" if place.kinds else "a list of "
        more = f"; try 'recurse kinds {key}'" if role else ""
        return f"{many or 'one of '}{_named(list(kinds))}{more}"
    first = options[0]
    values = [value for option in options for value in _values(option)]
    if len(values) == 1:
        return f"write '{key}: {_written(values[0])}'"
    if values:
        return f"one of {_named([_written(value) for value in values])}"
    nouns = [_NOUNS[name] for name in dict.fromkeys(o.get("type") for o in options) if name]
    return f"{' or '.join(nouns)}, as in '{key}: {_written(example(place))}'" if first else ""


def example(place: Place) -> Any:
    """A value that may stand at a place: required keys only, small numbers, '...' for text."""
    if place.kinds:
        least = min(place.kinds, key=lambda kind: len(place.kinds[kind].node.get("required", ())))
        return _mapping(place.kinds[least], least)
    node = next((o for o in place.options if o.get("type") != "null"), {})
    if values := _values(node):
        return values[0]
    kind = node.get("type")
    if kind in ("integer", "number"):
        fitting = (number for number in _NUMBERS if _allowed(number, node))
        return next(fitting, node.get("minimum", _NUMBERS[0]))
    if kind == "array":
        count = max(node.get("minItems", 1), len(node.get("prefixItems", ())))
        return [example(Place(node, place.definitions).child([], i)) for i in range(count)]
    if kind == "object":
        return _mapping(Place(node, place.definitions), "")
    return {"boolean": True}.get(str(kind), _TEXT)


def _mapping(place: Place, kind: str) -> Any:
    required = [key for key in place.node.get("required", ()) if key != "kind"]
    made = {key: example(place.child({"kind": kind}, key)) for key in required}
    if not kind:
        return made
    return {"kind": kind, **made} if made else kind


def _items(place: Place) -> Place:
    return place.child([], 0)


def _values(option: Node) -> list[Any]:
    return list(option.get("enum", [option["const"]] if "const" in option else []))


def _allowed(number: float, node: Node) -> bool:
    if node["type"] == "integer" and number != int(number):
        return False
    return bool(
        node.get("minimum", number) <= number <= node.get("maximum", number)
        and node.get("exclusiveMinimum", number - 1) < number
        and number < node.get("exclusiveMaximum", number + 1)
    )


def _named(names: list[str]) -> str:
    more = ", …" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + more


def _written(value: Any) -> str:
    """A value on one line of YAML."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_written(part)}' for key, part in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    return value if isinstance(value, str) else json.dumps(value)
