"""Pydantic's errors as problems: one sentence in the user's words, at the right key or value.

Positions come from the document, allowed keys and kinds from the JSON Schema. A misspelt key and
the missing key it stands for become one problem, and so do the branches of a union of scalars.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from recurse.reading import shape
from recurse.reading.codes import CODES
from recurse.reading.document import Document, Steps, dotted
from recurse.reading.examples import wanted
from recurse.reading.problems import Problem
from recurse.reading.shape import Place
from recurse.reading.synonyms import called
from recurse.reading.yamlevents import scalar

_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "none_required": "null",
}
_BOUNDS = {
    "greater_than": ("E105", "must be above {gt}"),
    "greater_than_equal": ("E105", "must be at least {ge}"),
    "less_than": ("E105", "must be below {lt}"),
    "less_than_equal": ("E105", "must be at most {le}"),
    "multiple_of": ("E105", "must be a multiple of {multiple_of}"),
    "finite_number": ("E105", "must be finite"),
    "int_parsing_size": ("E105", "is too large"),
    "too_short": ("E107", "needs at least {min_length}"),
    "too_long": ("E107", "takes at most {max_length}"),
    "string_too_short": ("E107", "needs at least {min_length} characters"),
    "string_too_long": ("E107", "takes at most {max_length} characters"),
    "string_pattern_mismatch": ("E108", "must match {pattern}"),
}
_TRUE, _FALSE = {"yes", "on", "y"}, {"no", "off", "n"}


class _At(NamedTuple):
    """The place of an error: its path in the data, and the union and branch it came through."""

    path: Steps
    union: Steps | None
    branch: str


@dataclass(frozen=True)
class _Error:
    """One pydantic error at its place."""

    type: str
    message: str
    context: Mapping[str, Any]
    place: _At

    @property
    def mismatch(self) -> bool:
        """True if the union's value itself is of another type than this branch wants."""
        at_root = self.place.path == self.place.union
        return at_root and (self.type in _EXPECTED or self.type == "literal_error")


def problems_of(
    model: type[BaseModel], errors: Iterable[ErrorDetails], document: Document
) -> list[Problem]:
    """Problems for the errors of validating ``document`` as ``model``."""
    schema = shape.root(model)
    found = []
    for error in errors:
        place = _place(error["loc"], document.data, schema, error["type"])
        found.append(_Error(error["type"], error["msg"], error.get("ctx", {}), place))
    rest, problems = _unions([error for error in found if not _echo(error, document)], document)
    writer = _Writer(document, schema)
    problems += writer.renames(rest)
    problems += [writer.problem(error) for error in rest if error not in writer.done]
    return problems


def _place(loc: Sequence[str | int], data: Any, schema: Place, type: str) -> _At:
    """Follows a location through data and schema, dropping the names of union branches."""
    place, path, union, branch = schema, list[str | int](), None, ""
    entered = False
    for number, step in enumerate(loc):
        if not entered and isinstance(data, dict) and place.tagged:
            entered = True  # pydantic puts the tag here, also when a key has the same name
            if step == data.get("kind"):
                continue
        last = number == len(loc) - 1
        inside = (isinstance(data, dict) and step in data) or (
            isinstance(data, list) and isinstance(step, int)
        )
        if not inside and not (last and type == "missing"):
            union, branch = (tuple(path), str(step)) if union is None else (union, branch)
            continue
        place = place.child(data, step)
        data = data[step] if inside else None
        path.append(step)
        entered = False
    return _At(tuple(path), union, branch)


def _echo(error: _Error, document: Document) -> bool:
    """A list that is too short only because its items were refused."""
    value = document.get(error.place.path)
    return (
        error.type == "too_short"
        and isinstance(value, list)
        and len(value) >= error.context.get("min_length", 0)
    )


def _unions(errors: list[_Error], document: Document) -> tuple[list[_Error], list[Problem]]:
    """The errors of the branch that the value was meant for, per untagged union, or one for all."""
    groups: dict[Steps, list[_Error]] = {}
    rest = []
    for error in errors:
        if error.place.union is None:
            rest.append(error)
        else:
            groups.setdefault(error.place.union, []).append(error)
    problems = []
    for path, group in groups.items():
        wrong = {error.place.branch for error in group if error.mismatch}
        meant = [error for error in group if error.place.branch not in wrong]
        if meant:
            rest += [error for error in meant if error.place.branch == meant[0].place.branch]
            continue
        words = [word for error in group for word in _allowed(error)]
        value = document.get(path)
        nouns = dict.fromkeys(
            noun
            for error in group
            for noun in ([_EXPECTED[error.type]] if error.type in _EXPECTED else _allowed(error))
        )
        message = f"expected {' or '.join(nouns)}, got {show(value)}"
        hint = _meant(value, words) or _retype(value, group[0].type)
        problems.append(document.problem("E104", path, message, hint))
    return rest, problems


class _Writer:
    """Writes problems for one document."""

    def __init__(self, document: Document, schema: Place) -> None:
        self.document = document
        self.schema = schema
        self.done: list[_Error] = []

    def renames(self, errors: list[_Error]) -> list[Problem]:
        """Unknown keys beside a missing key with a similar name, both settled by a new name."""
        problems = []
        missing = [error for error in errors if error.type == "missing"]
        for error in [error for error in errors if error.type == "extra_forbidden"]:
            *parent, key = error.place.path
            beside = [m for m in missing if m.place.path[:-1] == tuple(parent)]
            near = closest(key, [str(m.place.path[-1]) for m in beside if m not in self.done])
            if near:
                self.done += [error, *(m for m in beside if m.place.path[-1] == near)]
                problems.append(
                    self._at("E101", error, "unknown key", f"rename it to '{near}'", True)
                )
        return problems

    def problem(self, error: _Error) -> Problem:
        """The problem for one error."""
        value = self.document.get(error.place.path)
        if error.type in _EXPECTED:
            message = f"expected {_EXPECTED[error.type]}, got {show(value)}"
            hint = _selection(error.place.path, value) or _retype(value, error.type)
            return self._at("E104", error, message, hint)
        if error.type in _BOUNDS:
            code, text = _BOUNDS[error.type]
            message = text.format_map({k: _figure(v) for k, v in error.context.items()})
            return self._at(code, error, f"{message}, got {self._measure(error, value)}")
        if error.type == "extra_forbidden":
            return self._at("E101", error, "unknown key", self._unknown(error.place.path), True)
        if error.type == "missing":
            return self._missing(error.place.path)
        if error.type.startswith("union_tag") or self._is_kind(error):
            return self._kind(error)
        if error.type == "literal_error":
            allowed = _allowed(error)
            message = f"{show(value)} is not one of {', '.join(allowed)}"
            if len(allowed) == 1:
                message = f"must be {allowed[0]}, got {show(value)}"
            return self._at("E106", error, message, _meant(value, allowed))
        code = error.type if error.type in CODES else "E109"
        return self._at(
            code, error, re.sub(r"^(Value|Assertion) (error|failed), ", "", error.message)
        )

    def _at(
        self, code: str, error: _Error, message: str, hint: str = "", key: bool = False
    ) -> Problem:
        return self.document.problem(code, error.place.path, message, hint, key)

    def _measure(self, error: _Error, value: Any) -> str:
        length = error.context.get("actual_length")
        if error.type.startswith("string_too") and isinstance(value, str):
            length = len(value)
        return show(value) if length is None else str(length)

    def _unknown(self, path: Steps) -> str:
        """The way out for an unknown key: a similar name, another block, or the list of names."""
        parent, key = path[:-1], str(path[-1])
        data = self.document.get(parent)
        known = self._schema_of(parent).fitting(data).properties
        free = [name for name in known if name not in data]
        if near := closest(key, free):
            return f"did you mean '{near}'?"
        if near := closest(key, list(known)):
            return f"'{near}' is already given"
        if parent and key in self.schema.properties:
            return f"'{key}' belongs to the top level"
        return f"known: {', '.join(known)}" if known else "no keys are known here"

    def _schema_of(self, path: Steps) -> Place:
        place, data = self.schema, self.document.data
        for step in path:
            place, data = place.child(data, step), data[step]
        return place

    def _missing(self, path: Steps) -> Problem:
        file, span = self.document.locate(path[:-1], key=True)
        above = self.document.get(path[:-1])
        place = self._schema_of(path[:-1]).child(above, path[-1])
        hint = wanted(str(path[-1]), place, role=len(path) == 1)
        return Problem("E102", "required key is missing", dotted(path), hint, file, span)

    def _is_kind(self, error: _Error) -> bool:
        return error.type == "literal_error" and error.place.path[-1:] == ("kind",)

    def _kind(self, error: _Error) -> Problem:
        path = error.place.path[:-1] if self._is_kind(error) else error.place.path
        data, names = self.document.get(path), list(self._schema_of(path).kinds)
        known = f"known: {', '.join(names)}"
        if "kind" not in data and (near := closest("kind", list(data))):
            hint = f"rename it to 'kind'; {known}"
            return self.document.problem("E101", (*path, near), "unknown key", hint, key=True)
        if "kind" not in data:
            file, span = self.document.locate(path, key=True)
            where = dotted((*path, "kind"))
            return Problem("E102", "required key is missing", where, known, file, span)
        kind = data["kind"]
        near = called(kind, names) if isinstance(kind, str) else ""
        near = near or closest(kind, names)
        hint = f"did you mean '{near}'? ({known})" if near else known
        file, span = self.document.locate((*path, "kind"))
        message = "unknown kind" if isinstance(kind, str) else "expected the name of a kind, got"
        return Problem("E103", f"{message} {show(kind)}", dotted(path), hint, file, span)


def show(value: Any) -> str:
    """A value in a message: short, as it would be written."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return f"'{value}'" if len(value) <= 40 else f"'{value[:37]}…'"
    return json.dumps(value)


def _figure(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def closest(word: Any, names: Sequence[str]) -> str:
    """The name that a word was probably meant to be, or ''."""
    plain = {_fold(name): name for name in reversed(names)}
    said = _fold(word)[:80] if isinstance(word, str) else ""
    near = difflib.get_close_matches(said, plain, n=1, cutoff=0.6)
    return plain[near[0]] if near else ""


def _fold(name: str) -> str:
    return name.casefold().replace("-", "_")


def _allowed(error: _Error) -> list[str]:
    words = re.findall(r"'(?:[^'\\]|\\.)*'|[^\s,']+", error.context.get("expected", ""))
    return [word for word in words if word != "or"]


def _meant(value: Any, words: Sequence[str]) -> str:
    near = closest(value, [word.strip("'") for word in words])
    return f"did you mean '{near}'?" if near else ""


def _selection(path: Steps, value: Any) -> str:
    """The way to name arms in a claim, if a bare name was given."""
    if path[:1] != ("claims",) or not isinstance(value, str):
        return ""
    return f"write {{policy: {value}}}, or another dotted path and its value"


def _retype(value: Any, expected: str) -> str:
    """The probable value in its right form, if only the type is wrong."""
    if expected in ("list_type", "tuple_type") and isinstance(value, str | int | float):
        return f"write [{value}]"
    if expected == "string_type" and isinstance(value, int | float):
        return "put it in quotes"
    if expected == "bool_type" and isinstance(value, str) and value.lower() in _TRUE | _FALSE:
        return f"write {'true' if value.lower() in _TRUE else 'false'}"
    if expected == "int_type" and isinstance(value, float) and value.is_integer():
        return f"write {value:.0f}"
    if expected in ("int_type", "float_type") and isinstance(value, str):
        try:
            number = scalar(value.replace("_", ""))
        except ValueError:
            return ""
        if isinstance(number, int | float) and not isinstance(number, bool):
            return f"write {number} without quotes" if "_" not in value else f"write {number}"
    return ""
