"""YAML events to plain data and positions, in one pass without recursion.

The limits on depth and on the number of values hold before anything grows, so no input can crash
the process or hang it. Scalars follow the 1.2 core rules; aliases and ``<<`` are expanded, counted.
"""

from __future__ import annotations

import copy
import math
import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from recurse.reading.document import Entry, Steps
from recurse.reading.problems import Problem, Span

MAX_DEPTH = 32
MAX_VALUES = 20_000
MAX_TEXT = 4_096
MAX_INTEGER = 2**63

_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def scalar(text: str) -> Any:
    """The value of a plain (unquoted) scalar under the 1.2 core rules.

    Raises:
        ValueError: not finite, or a whole number beyond 64 bits.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        if len(text) > 40:
            raise ValueError("whole numbers have at most 64 bits")
        number = int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        if not -MAX_INTEGER <= number < MAX_INTEGER:
            raise ValueError("whole numbers have at most 64 bits")
        return number
    if _FLOAT.fullmatch(text):
        value = float(text)
        if math.isinf(value):
            raise ValueError("the number is too large")
        return value + 0.0  # -0.0 and 0.0 are one value
    if _SPECIAL.fullmatch(text):
        raise ValueError("numbers must be finite")
    return text


class Stop(Exception):
    """A problem after which nothing can be read."""


@dataclass
class _Frame:
    """An open mapping or list."""

    value: dict[str, Any] | list[Any]
    path: Steps
    flow: bool
    start: tuple[int, int]
    first: int
    anchor: str | None
    end: tuple[int, int]
    pending: str | None = None
    key_span: Span | None = None
    keys: dict[str, Span] = field(default_factory=dict)


class Builder:
    """Turns events into data and an index, keeping every problem that does not end the reading."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.data: Any = None
        self.index: dict[Steps, Entry] = {}
        self.problems: list[Problem] = []
        self._order: list[Steps] = []
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, Steps, int, int] | None] = {}
        self._documents = 0
        self._count = 0

    def feed(self, event: Any) -> None:
        """Takes the next event."""
        if isinstance(event, yaml.ScalarEvent):
            self._refuse_tag(event)
            self._scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._refuse_tag(event)
            self._open(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close(event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._stop(
                    "E010", "a second document starts here; one file is one document", _span(event)
                )

    def _scalar(self, event: Any) -> None:
        frame = self._stack[-1] if self._stack else None
        span = _span(event)
        if len(event.value) > MAX_TEXT:
            self._add("E014", f"text of {len(event.value)} characters; {MAX_TEXT} at most", span)
        if _surrogate(event.value):
            self._add("E003", "half of a surrogate pair is not a character", span)
        if frame and isinstance(frame.value, dict) and frame.pending is None:
            self._key(frame, event.value, span)
            return
        value = event.value
        if event.implicit[0] and len(value) <= MAX_TEXT:
            try:
                value = scalar(value)
            except ValueError as error:
                self._add("E013", str(error), span)
        path = self._place(value, span)
        if event.anchor:
            self._anchors[event.anchor] = (value, path, len(self._order) - 1, len(self._order))

    def _key(self, frame: _Frame, key: str, span: Span) -> None:
        if key in frame.keys:
            first = frame.keys[key]
            message = f"duplicate key; '{key}' is already given at {first.line}:{first.column}"
            path = ".".join(map(str, (*frame.path, key)))
            self.problems.append(Problem("E008", message, path, file=self.file, span=span))
        frame.keys.setdefault(key, span)
        frame.pending, frame.key_span = key, span

    def _open(self, event: Any) -> None:
        self._refuse_key(event)
        if len(self._stack) == MAX_DEPTH:
            self._stop("E005", f"nested deeper than {MAX_DEPTH} levels", _span(event))
        value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        first = len(self._order)
        path = self._place(value, _span(event))
        start = (event.start_mark.line, event.start_mark.column)
        end = (event.end_mark.line, event.end_mark.column)
        frame = _Frame(value, path, bool(event.flow_style), start, first, event.anchor, end)
        self._stack.append(frame)
        if event.anchor:
            self._anchors[event.anchor] = None

    def _close(self, event: Any) -> None:
        frame = self._stack.pop()
        if frame.flow:  # the end of a block is where the next token starts, which may be far away
            frame.end = (event.end_mark.line, event.end_mark.column)
        if self._stack:
            self._stack[-1].end = max(self._stack[-1].end, frame.end)
        entry = self.index[frame.path]
        self.index[frame.path] = entry._replace(value=_between(frame.start, frame.end))
        if isinstance(frame.value, dict) and "<<" in frame.value:
            self._merge(frame, frame.value)
        if frame.anchor:
            self._anchors[frame.anchor] = (frame.value, frame.path, frame.first, len(self._order))

    def _alias(self, event: Any) -> None:
        self._refuse_key(event)
        known = self._anchors.get(event.anchor)
        if known is None:
            inside = event.anchor in self._anchors
            why = "stands inside what it names" if inside else "has no anchor before it"
            self._stop("E011", f"alias '*{event.anchor}' {why}", _span(event))
        value, source, first, last = known
        target = self._place(copy.deepcopy(value), _span(event))
        self._copy(source, self._order[first + 1 : last], target, _span(event))

    def _copy(self, source: Steps, paths: list[Steps], target: Steps, span: Span) -> None:
        """Index the ``paths`` below ``source`` a second time below ``target``."""
        for path in paths:
            if path in self.index:
                self._count_one(span)
                self._record(target + path[len(source) :], self.index[path])

    def _merge(self, frame: _Frame, mapping: dict[str, Any]) -> None:
        """Resolve ``<<``: add those keys of the named mappings that this mapping lacks."""
        below = (*frame.path, "<<")
        merged, span = mapping.pop("<<"), self.index[below].value
        sources = merged if isinstance(merged, list) else [merged]
        places = [(*below, n) for n in range(len(sources))] if isinstance(merged, list) else [below]
        inside: defaultdict[Steps, list[Steps]] = defaultdict(list)
        for path in self._order[frame.first :]:
            if path[: len(below)] == below:
                inside[path[: len(places[0]) + 1] if places else below].append(path)
        for source, place in zip(sources, places, strict=True):
            if not isinstance(source, dict):
                self._add("E011", "'<<' takes a mapping or a list of mappings", span)
                continue
            for key in [key for key in source if key not in mapping]:
                mapping[key] = copy.deepcopy(source[key])
                self._copy((*place, key), inside[(*place, key)], (*frame.path, key), span)
        for path in [path for group in inside.values() for path in group]:
            self.index.pop(path, None)

    def _place(self, value: Any, span: Span) -> Steps:
        self._count_one(span)
        if not self._stack:
            self.data = value
            return self._record((), Entry(self.file, None, span))
        frame = self._stack[-1]
        frame.end = max(frame.end, (span.end_line - 1, span.end_column - 1))
        if isinstance(frame.value, list):
            frame.value.append(value)
            return self._record((*frame.path, len(frame.value) - 1), Entry(self.file, None, span))
        assert frame.pending is not None
        key, frame.pending = frame.pending, None
        frame.value[key] = value
        return self._record((*frame.path, key), Entry(self.file, frame.key_span, span))

    def _record(self, path: Steps, entry: Entry) -> Steps:
        self.index[path] = entry
        self._order.append(path)
        return path

    def _count_one(self, span: Span) -> None:
        self._count += 1
        if self._count > MAX_VALUES:
            self._stop("E006", f"more than {MAX_VALUES:,} values", span)

    def _refuse_key(self, event: Any) -> None:
        frame = self._stack[-1] if self._stack else None
        if frame and isinstance(frame.value, dict) and frame.pending is None:
            self._stop("E012", "a key must be plain text", _span(event))

    def _refuse_tag(self, event: Any) -> None:
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._add("E009", f"the tag '{tag}' is not allowed", _span(event))

    def _add(self, code: str, message: str, span: Span) -> None:
        self.problems.append(Problem(code, message, file=self.file, span=span))

    def _stop(self, code: str, message: str, span: Span) -> NoReturn:
        self._add(code, message, span)
        raise Stop


def _span(event: Any) -> Span:
    start, end = event.start_mark, event.end_mark
    return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1)


def _between(start: tuple[int, int], end: tuple[int, int]) -> Span:
    return Span(start[0] + 1, start[1] + 1, end[0] + 1, end[1] + 1)


def _surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)
