"""From files and ``--set`` to one document, and from a document to a validated model.

A file may start from others: ``extends: base.yaml`` (or a list, the later ones on top), by path
relative to the file that says so and never absolute, since specs travel. Mappings are merged key by
key unless their ``kind`` differs; any other value replaces the one below. ``--set`` comes last.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from recurse.reading import shape, yamlfile
from recurse.reading.document import Document, Entry, Steps, dotted, put
from recurse.reading.messages import problems_of
from recurse.reading.problems import Problem, Problems, Span
from recurse.reading.yamlevents import MAX_DEPTH, MAX_INTEGER, scalar

Model = TypeVar("Model", bound=BaseModel)

MAX_LAYERS = 64
FLAG = "--set "
"""The beginning of the file name of a problem whose place is in an override."""


def read(spec: str | Path | Mapping[str, Any], sets: Sequence[str] = ()) -> Document:
    """A file or a mapping, the files that it extends below it, ``path=value`` overrides on top.

    Raises:
        Problems: everything that keeps the text from being data (codes E001 to E017).
    """
    if isinstance(spec, Mapping):
        document = _finish(Document(_plain(spec)), Path(), _Chain((), [0]))
    else:
        document = _file(Path(spec), str(spec), _Chain((), [0]))
    for text in sets:
        document = _set(document, text)
    return document


def validate(model: type[Model], document: Document) -> Model:
    """The model that the document describes.

    Raises:
        Problems: everything that the model refuses (codes E101 to E109), with positions.
    """
    return made(model, normalise(model, document), {})


def made(model: type[Model], document: Document, parts: dict[Any, BaseModel]) -> Model:
    """The model that a normalised document describes.

    Args:
        parts: what was made of equal parts of other documents, to be used again; added to.

    Raises:
        Problems: as ``validate``.
    """
    try:  # through JSON: strict scalars, while lists still fill tuples
        return model.model_validate_json(json.dumps(document.data), strict=True, context=parts)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        raise Problems(problems_of(model, errors, document)) from None


def normalise(
    model: type[BaseModel], document: Document, keys: Collection[str] | None = None
) -> Document:
    """The document with ``{kind: name}`` for every bare name where the model wants a kind.

    With ``keys`` only below these.
    """
    place = shape.root(model)
    if keys is None:
        return replace(document, data=_long(document.data, place))
    found = {key: _long(document.data[key], place.child(document.data, key)) for key in keys}
    return replace(document, data={**document.data, **found})


def _long(value: Any, place: shape.Place) -> Any:
    if place is shape.NOWHERE:
        return value
    if isinstance(value, str):
        return {"kind": value} if place.shorthand else value
    if isinstance(value, dict):
        return {key: _long(item, place.child(value, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_long(item, place.child(value, number)) for number, item in enumerate(value)]
    return value


class _Chain(NamedTuple):
    """The files that led here, and how many layers were read so far."""

    above: tuple[Path, ...]
    layers: list[int]


def _file(path: Path, shown: str, chain: _Chain, place: Problem | None = None) -> Document:
    """Reads one layer; ``place`` is the ``extends`` that asked for it."""
    try:
        if not path.is_file():
            raise OSError(
                "is a directory"
                if path.is_dir()
                else "no such file"
                if not path.exists()
                else "not a file"
            )
        with path.open("rb") as handle:
            content = handle.read(yamlfile.MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        asked = replace(place, code="E001") if place else Problem("E001", "", file=shown)
        raise Problems([replace(asked, message=f"cannot read '{shown}': {reason}")]) from None
    document = yamlfile.parse(content, shown)
    if not isinstance(document.data, dict):
        what = "the file is empty" if document.data is None else "the top level is not a mapping"
        raise Problems([document.problem("E015", (), what)])
    resolved = path.resolve()
    return _finish(document, path.parent, _Chain((*chain.above, resolved), chain.layers))


def _finish(document: Document, folder: Path, chain: _Chain) -> Document:
    """The document on top of the files that it extends."""
    if "extends" not in document.data:
        return document
    bases = document.data["extends"]
    listed = bases if isinstance(bases, list) else [bases]
    below = Document({})
    for number, base in enumerate(listed):
        path: Steps = ("extends", number) if isinstance(bases, list) else ("extends",)
        place = document.problem("E016", path, "")
        if not isinstance(base, str) or not base:
            raise Problems([replace(place, message="a file name is expected here")])
        below = _merge(below, _base(base, folder, chain, place))
    data = {key: value for key, value in document.data.items() if key != "extends"}
    return _merge(below, replace(document, data=data))


def _base(name: str, folder: Path, chain: _Chain, place: Problem) -> Document:
    chain.layers[0] += 1
    target = folder / name
    try:
        known = target.resolve() in chain.above
    except (OSError, ValueError, RuntimeError):
        known = False
    problem = ""
    if Path(name).is_absolute():
        problem = "an absolute path would not travel; give it relative to this file"
    elif known:
        problem = f"'{name}' extends this file, or is this file"
    elif chain.layers[0] > MAX_LAYERS:
        problem = f"more than {MAX_LAYERS} files are extended"
    if problem:
        raise Problems([replace(place, message=problem)])
    document = _file(target, str(target), chain, place)
    return replace(document, data={k: v for k, v in document.data.items() if k != "$schema"})


def _merge(below: Document, above: Document) -> Document:
    """``above`` on top of ``below``, every value with the position of the layer it came from."""
    index: dict[Steps, Entry] = {}
    data = _overlay(below, above, (), index)
    return Document(data, index, above.file or below.file)


def _overlay(below: Document, above: Document, path: Steps, index: dict[Steps, Entry]) -> Any:
    low, high = below.get(path), above.get(path)
    if isinstance(low, str) and isinstance(high, dict):
        low = {"kind": low}
    if not isinstance(low, dict) or not isinstance(high, dict) or _other_kind(low, high):
        _take(above, high, path, index)
        return high
    if path in above.index:
        index[path] = above.index[path]
    merged: dict[str, Any] = {}
    for key in {**low, **high}:
        inside = (*path, key)
        if key in low and key in high:
            merged[key] = _overlay(below, above, inside, index)
        else:
            layer, values = (above, high) if key in high else (below, low)
            merged[key] = values[key]
            _take(layer, values[key], inside, index)
    return merged


def _other_kind(low: dict[str, Any], high: dict[str, Any]) -> bool:
    return "kind" in high and low.get("kind") != high["kind"]


def _take(layer: Document, value: Any, path: Steps, index: dict[Steps, Entry]) -> None:
    """Keeps the positions of a value and of everything in it."""
    if path in layer.index:
        index[path] = layer.index[path]
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            _take(layer, item, (*path, key), index)


def _set(document: Document, text: str) -> Document:
    """One ``path=value`` on top; problems with the value name the flag as their file."""
    flag = FLAG + (text if len(text) <= 60 else f"{text[:57]}…")
    name, equals, written = text.partition("=")
    if not equals or "" in name.split("."):
        hint = "write PATH=VALUE, for example samples.real=100"
        raise Problems([Problem("E017", "not of the form PATH=VALUE", hint=hint, file=flag)])
    if name.split(".")[0] == "extends":
        hint = "write 'extends' in a file and override that one"
        raise Problems([Problem("E017", "cannot be set: it is read first", "extends", hint, flag)])
    start = len(name) + 2
    span = Span(1, start, 1, start + len(written))
    value = _value(written, flag, start - 1, span)
    path = _axis(document, document.path(name))
    try:
        data = put(document.data, path, value.data)
    except TypeError as error:
        message, at = error.args
        file, _ = document.locate(at)
        hint = f"as written in {file}" if file else ""
        raise Problems([Problem("E017", message, dotted(at), hint, flag, span)]) from None
    index = {p: entry for p, entry in document.index.items() if p[: len(path)] != path}
    key = Span(1, 1, 1, len(name) + 1)
    for depth in range(1, len(path)):
        index.setdefault(path[:depth], Entry(flag, key, span))
    index.update({path + p: entry for p, entry in value.index.items()})
    index[path] = Entry(flag, key, span)
    return replace(document, data=data, index=index)


def _axis(document: Document, path: Steps) -> Steps:
    """The path; a new axis of a matrix is one key, since axes are dotted paths themselves."""
    new = path[:1] == ("matrix",) and document.get(path[:2]) is None
    if len(path) < 3 or not new or path[1] in ("include", "exclude"):
        return path
    return ("matrix", dotted(path[1:]))


def _value(text: str, flag: str, shift: int, span: Span) -> Document:
    """The value after ``=``: a list or mapping in brackets, a quoted text, or a plain scalar."""
    if text[:1] in ("[", "{", "'", '"'):
        try:
            found = yamlfile.parse(text, flag)
        except Problems as error:
            moved = [replace(p, span=p.span and _shift(p.span, shift)) for p in error.problems]
            raise Problems(moved) from None
        index = {
            path: Entry(flag, e.key and _shift(e.key, shift), _shift(e.value, shift))
            for path, e in found.index.items()
        }
        return replace(found, index=index)
    try:
        return Document(scalar(text), {(): Entry(flag, None, span)}, flag)
    except ValueError as error:
        raise Problems([Problem("E013", str(error), file=flag, span=span)]) from None


def _shift(span: Span, columns: int) -> Span:
    return replace(span, column=span.column + columns, end_column=span.end_column + columns)


def _plain(value: Any, path: Steps = ()) -> Any:
    """A mapping from Python as plain data: tuples become lists, values not in JSON are refused."""
    place = dotted(path)
    if len(path) > MAX_DEPTH:
        raise Problems([Problem("E005", f"nested deeper than {MAX_DEPTH} levels", place)])
    if isinstance(value, Mapping):
        if odd := [key for key in value if not isinstance(key, str)]:
            raise Problems([Problem("E012", f"the key {odd[0]!r} is not text", place)])
        return {str(key): _plain(item, (*path, key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, (*path, number)) for number, item in enumerate(value)]
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int) and -MAX_INTEGER <= value < MAX_INTEGER:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value) + 0.0
    if isinstance(value, int | float):
        raise Problems([Problem("E013", "numbers are finite and have at most 64 bits", place)])
    raise Problems([Problem("E015", f"{type(value).__name__} is not plain data", place)])
