"""Plain data together with the place in a file of each of their parts.

A path is a tuple of keys and list indices. Its dotted form, ``claims.0.metric``, is what problems
show and what ``--set`` takes. Keys may contain dots (``matrix.samples.real.1``); the data decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from recurse.reading.problems import Problem, Problems, Span

Steps = tuple[str | int, ...]


class Entry(NamedTuple):
    """The place of one value; ``key`` is None for list items and the top level."""

    file: str
    key: Span | None
    value: Span


@dataclass(frozen=True)
class Document:
    """Data, and the position of every key and value. Never mutated: changes give a new document."""

    data: Any
    index: Mapping[Steps, Entry] = field(default_factory=dict, repr=False)
    file: str = ""
    grafts: tuple[tuple[Steps, Steps], ...] = ()
    """(target, origin): the data at ``target`` were written at ``origin``; the last pair counts."""

    def locate(self, path: Steps | str, key: bool = False) -> tuple[str, Span | None]:
        """File and span of a value, or of its ``key``; else of the nearest enclosing block."""
        place = self._written(self.path(path) if isinstance(path, str) else path)
        for length in range(len(place), -1, -1):
            entry = self.index.get(place[:length])
            if entry is None:
                continue
            if length == 0:
                line, column = entry.value.line, entry.value.column
                return entry.file, Span(line, column, line, column)
            block = length < len(place) and self._is_block(place[:length])
            return entry.file, (entry.key or entry.value) if key or block else entry.value
        return self.file, None

    def problem(
        self, code: str, path: Steps | str, message: str, hint: str = "", key: bool = False
    ) -> Problem:
        """A problem with the value at ``path``, or with its ``key``."""
        file, span = self.locate(path, key)
        shown = path if isinstance(path, str) else dotted(path)
        return Problem(code, message, shown, hint, file, span)

    def get(self, path: Steps, default: Any = None) -> Any:
        """The value at a path."""
        value = self.data
        for step in path:
            if isinstance(value, dict) and step in value:
                value = value[step]
            elif isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value):
                value = value[step]
            else:
                return default
        return value

    def path(self, text: str) -> Steps:
        """The path that a dotted text names; parts absent from the data are split at the dots."""
        parts = tuple(text.split(".")) if text else ()
        return max(_paths(self.data, parts), key=lambda found: found[0])[1]

    def graft(self, target: Steps | str, origin: Steps) -> Document:
        """The value at ``origin`` also at ``target``, in place of the value there.

        Problems below ``target`` are then located below ``origin``. Missing mappings on the way to
        ``target`` are made; a text on the way is taken for ``{kind: text}``.

        Raises:
            Problems: something on the way to ``target`` can hold no such key (E212).
        """
        place = self.path(target if isinstance(target, str) else dotted(target))
        try:
            data = put(self.data, place, self.get(origin))
        except TypeError as error:
            message, block = error.args
            said = f"cannot set '{dotted(place)}': '{dotted(block)}' {message}"
            raise Problems([self.problem("E212", origin[:-1], said, key=True)]) from None
        return replace(self, data=data, grafts=(*self.grafts, (place, self._written(origin))))

    def _is_block(self, place: Steps) -> bool:
        depth = len(place)
        return any(len(path) > depth and path[:depth] == place for path in self.index)

    def _written(self, path: Steps) -> Steps:
        for target, origin in reversed(self.grafts):
            if path[: len(target)] == target:
                return origin + path[len(target) :]
        return path


def dotted(path: Steps) -> str:
    """``("claims", 0, "metric")`` as ``claims.0.metric``."""
    return ".".join(map(str, path))


def put(data: Any, path: Steps, value: Any) -> Any:
    """A copy of ``data`` with ``value`` at ``path``; parts that are not on the way are shared.

    Raises:
        TypeError: something on the way can hold no such key; ``args`` are the message and the path
            of the value in the way.
    """
    return _put(data, path, value, 0)


def _put(data: Any, path: Steps, value: Any, depth: int) -> Any:
    if depth == len(path):
        return value
    step = path[depth]
    if isinstance(data, list):
        if not isinstance(step, int) or not 0 <= step <= len(data):
            raise TypeError(f"is a list of {len(data)}; '{step}' is no index in it", path[:depth])
        items = [*data, None] if step == len(data) else list(data)
        items[step] = _put(items[step], path, value, depth + 1)
        return items
    if isinstance(data, str):
        data = {"kind": data}
    if data is not None and not isinstance(data, dict):
        raise TypeError(f"is not a mapping; it has no key '{step}'", path[:depth])
    below = data or {}
    return {**below, str(step): _put(below.get(str(step)), path, value, depth + 1)}


def _paths(data: Any, parts: tuple[str, ...], depth: int = 0) -> Iterator[tuple[int, Steps]]:
    """Ways to read dotted parts as a path, each with how many of its steps the data have."""
    yield depth, tuple(map(_step, parts))
    for count in range(1, len(parts) + 1):
        text = ".".join(parts[:count])
        step: str | int = text
        if isinstance(data, list):
            step = _step(text)
            if isinstance(step, str) or step >= len(data):
                continue
        elif not isinstance(data, dict) or step not in data:
            continue
        for found, rest in _paths(data[step], parts[count:], depth + count):
            yield found, (step, *rest)


def _step(part: str) -> str | int:
    return int(part) if part.isdecimal() and len(part) < 10 else part
