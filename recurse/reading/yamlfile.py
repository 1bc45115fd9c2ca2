"""Strict YAML 1.2 core: text to plain data with positions, and plain data to text.

Only what JSON can say comes out: mappings with text keys, lists, text, finite numbers, true, null.
``1e-3`` is a number, ``no`` and ``1:30`` are text, ``010`` is ten. Duplicate keys, tags, a second
document, bombs and deep nesting are refused with a position.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

from recurse.reading.document import Document, Entry
from recurse.reading.problems import Problem, Problems, Span
from recurse.reading.yamlevents import Builder, Stop, scalar

MAX_BYTES = 256 * 1024

__all__ = ["LOADER", "MAX_BYTES", "Document", "dump", "parse"]

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where it is installed; the pure parser gives the same data, some twenty times slower."""

_REFUSED = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")  # fmt: skip # noqa: E501
_OLD_BOOLEANS = frozenset({"y", "Y", "n", "N"})  # YAML 1.1 has them, PyYAML does not
_SYNTAX = (
    ("mapping values are not allowed", "a ':' is not expected here", "text with ': ' needs quotes"),
    ("found unexpected end of stream", "this quote is never closed", ""),
    (
        "unknown escape character",
        "unknown escape in double quotes",
        r"'\' is plain in single quotes",
    ),
    ("'-' indicator", "not a list item", "the list above is not indented deeper than this line"),
    ("<block end>", "this line is not part of the block above", "check its indentation"),
    ("expected key", "this line is not part of the mapping above", "check its indentation"),
    ("node content", "a value is expected here", ""),
    ("<document start>", "nothing more is expected here", "a bracket may be one too many"),
    ("incompatible YAML", "only YAML 1.1 and 1.2 can be read", ""),
)
"""The messages of libyaml and PyYAML, with their meaning and the usual way out."""


def parse(source: str | bytes, file: str = "") -> Document:
    """Reads one YAML document; an empty one is null.

    Raises:
        Problems: everything wrong with the text as YAML (codes E002 to E014).
    """
    text = _decode(
        source if isinstance(source, bytes) else source.encode("utf-8", "surrogatepass"), file
    )
    builder = Builder(file)
    try:
        for event in yaml.parse(text, Loader=LOADER):
            builder.feed(event)
    except yaml.MarkedYAMLError as error:
        builder.problems.append(_syntax(error, text, file))
    except Stop:
        pass
    if builder.problems:
        raise Problems(builder.problems)
    builder.index.setdefault((), Entry(file, None, Span(1, 1, 1, 1)))
    return Document(builder.data, builder.index, file)


def dump(data: Any) -> str:
    """Plain data as YAML that 1.1 and 1.2 readers agree on: texts either would retype are quoted.

    Raises:
        ValueError: a number is not finite.
        yaml.representer.RepresenterError: something is not plain data.
    """
    values = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    flat = not any(isinstance(value, dict | list) for value in values)
    flow = False if flat else None  # None: only the innermost lists and mappings on one line
    text: str = yaml.dump(
        data,
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=flow,
        allow_unicode=True,
        width=100,
    )
    return text


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_text(self, data: str) -> yaml.ScalarNode:
        style = "'" if data in _OLD_BOOLEANS or _retyped(data) else None
        style = '"' if _REFUSED.search(data) else style
        return self.represent_scalar("tag:yaml.org,2002:str", data, style)

    def represent_number(self, data: float) -> yaml.ScalarNode:
        if not math.isfinite(data):
            raise ValueError(f"{data} cannot be written; numbers are finite")
        return self.represent_float(data)


_Dumper.add_representer(str, _Dumper.represent_text)
_Dumper.add_representer(float, _Dumper.represent_number)


def _retyped(text: str) -> bool:
    try:
        return not isinstance(scalar(text), str)
    except ValueError:
        return True


def _decode(source: bytes, file: str) -> str:
    if len(source) > MAX_BYTES:
        raise Problems([Problem("E004", f"more than {MAX_BYTES // 1024} KiB", file=file)])
    try:
        text = source.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        span = _at(source[: error.start].decode("utf-8"))
        message = f"not UTF-8 (byte {source[error.start]:#04x})"
        raise Problems([Problem("E002", message, file=file, span=span)]) from None
    if bad := _REFUSED.search(text):
        span = _at(text[: bad.start()])
        message = f"the character U+{ord(bad[0]):04X} is not allowed"
        hint = f'write "\\u{ord(bad[0]):04x}" in double quotes'
        raise Problems([Problem("E003", message, hint=hint, file=file, span=span)])
    return text


def _at(before: str) -> Span:
    """The position of the character after ``before``."""
    lines = re.split(r"\r\n|\r|\n", before)
    line, column = len(lines), len(lines[-1]) + 1
    return Span(line, column, line, column + 1)


def _syntax(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    opened = error.context_mark
    said = error.problem or "cannot be read"
    lines = re.split(r"\r\n|\r|\n", text)
    character = lines[line][column : column + 1] if line < len(lines) else ""
    message, hint = next(
        ((meaning, way) for symptom, meaning, way in _SYNTAX if symptom in said),
        (" ".join(filter(None, (error.context, said))), ""),
    )
    if "cannot start any token" in said:
        message, hint = f"a value cannot start with '{character}'", "put it in quotes"
        if character == "\t":
            message, hint = "tabs cannot indent YAML", "use spaces"
    elif opened and ("',' or" in said or "end of stream" in said):
        bracket = lines[opened.line][opened.column : opened.column + 1]
        unclosed = opened.line < line or line >= len(lines)
        if bracket in ("[", "{"):
            message, hint = "a ',' or a closing bracket is missing here", ""
            if unclosed:
                message = f"this '{bracket}' is not closed before line {line + 1}"
        if unclosed:
            line, column = opened.line, opened.column
    if line >= len(lines) or (line == len(lines) - 1 and not lines[line] and line):
        line = max(0, len(lines) - 1 - (not lines[-1]))
        column = len(lines[line])
    return Problem(
        "E007", message, "", hint, file, Span(line + 1, column + 1, line + 1, column + 2)
    )
