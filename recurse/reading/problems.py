"""Everything that can be wrong with a user's text, as data with a position.

A ``Problem`` names a rule by a stable code, a place and, if there is one, the way out. Problems are
collected, never raised one at a time: ``Problems`` carries all that one pass found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

_ANNOTATIONS = 10  # GitHub shows no more per step
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

Format = Literal["text", "json", "github"]


class RecurseError(Exception):
    """A user's mistake or a state of the world, explained in one line without a traceback."""

    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message}; {hint}" if hint else message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, order=True)
class Span:
    """A stretch of text, 1-based; the end is the column after the last character."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True)
class Problem:
    """One broken rule. ``path`` is dotted, list indices included: ``claims.0.metric``."""

    code: str
    message: str
    path: str = ""
    hint: str = ""
    file: str = ""
    span: Span | None = None
    severity: Literal["error", "warning"] = "error"

    @property
    def order(self) -> tuple[str, int, int, str, str, str]:
        """Sort key: by position, then by code."""
        line, column = (self.span.line, self.span.column) if self.span else (0, 0)
        return (self.file, line, column, self.code, self.path, self.message)

    @property
    def sentence(self) -> str:
        """Path, message and hint on one line."""
        said = f"{self.path}: {self.message}" if self.path else self.message
        return _one_line(f"{said}; {self.hint}" if self.hint else said)

    def text(self) -> str:
        """``file:line:col: error[E101]: path: message; hint``, as compilers print it."""
        place = [self.file] if self.file else []
        if self.span:
            place += [str(self.span.line), str(self.span.column)]
        prefix = _one_line(":".join(place)) + ": " if place else ""
        return f"{prefix}{self.severity}[{self.code}]: {self.sentence}"

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data; positions are null where there are none."""
        span = self.span
        return {
            "code": self.code,
            "severity": self.severity,
            "file": self.file,
            "line": span and span.line,
            "column": span and span.column,
            "end_line": span and span.end_line,
            "end_column": span and span.end_column,
            "path": self.path,
            "message": self.message,
            "hint": self.hint,
        }

    def github(self) -> str:
        """A workflow command that GitHub shows beside the line."""
        where = [f"title={self.code}"]
        if self.file.startswith("--"):
            return (
                f"::{self.severity} {where[0]}::{_data(f'{_one_line(self.file)}: {self.sentence}')}"
            )
        if self.file and self.span:
            span = self.span
            where = [f"file={_property(self.file)}", f"line={span.line}", f"col={span.column}"]
            if span.end_line == span.line and span.end_column > span.column:
                where.append(f"endColumn={span.end_column}")
            where.append(f"title={self.code}")
        elif self.file:
            where.insert(0, f"file={_property(self.file)}")
        return f"::{self.severity} {','.join(where)}::{_data(self.sentence)}"


class Problems(RecurseError):
    """All problems that one pass found, sorted by position, each once."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems), key=lambda problem: problem.order))
        super().__init__(render(self.problems))


def render(problems: Iterable[Problem], format: Format = "text", limit: int = 20) -> str:
    """Problems for a person, a program or a pull request, in the order given.

    ``limit`` caps what people see (0: no cap); JSON is always complete and GitHub shows ten.
    """
    found = tuple(problems)
    if format == "json":
        return json.dumps([problem.as_dict() for problem in found], indent=2)
    if format == "github":
        limit = min(limit or _ANNOTATIONS, _ANNOTATIONS)
    shown = found[:limit] if limit else found
    lines = [problem.github() if format == "github" else problem.text() for problem in shown]
    if more := len(found) - len(shown):
        rest = f"{more} more (--max-errors 0)" if format == "text" else f"{more} more problems"
        lines.append(f"… {rest}" if format == "text" else f"::notice ::{rest}")
    return "\n".join(lines)


def _one_line(text: str) -> str:
    return _BREAKS.sub(lambda match: repr(match[0])[1:-1], text)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(_one_line(text)).replace(":", "%3A").replace(",", "%2C")
