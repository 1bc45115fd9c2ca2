"""The parts of a section: plain data that a page sets as HTML or as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from recurse_reports.words import Sentence

Cell = str | int | float | bool | None


@dataclass(frozen=True)
class Table:
    """Rows of text. ``figures`` are the columns of numbers; ``marks`` is a word per row."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    figures: Sequence[int] = ()
    marks: Sequence[str] = ()
    """``bad``, ``good`` or ``unknown`` for rows that carry a verdict in their first column."""
    folded: str = ""
    """The heading where the table is folded away."""
    tones: Mapping[str, str] = field(default_factory=dict)
    """``bad``, ``good`` or ``unknown`` for cells, by their text."""


@dataclass(frozen=True)
class Data:
    """The numbers behind a figure: a short table to read, and all rows to take away as CSV."""

    table: Table
    head: Sequence[str] = ()
    rows: Sequence[Sequence[Cell]] = ()


@dataclass(frozen=True)
class Figure:
    """A Vega-Lite chart with its reading in a sentence and its data."""

    name: str
    title: str
    caption: str
    chart: Mapping[str, Any]
    data: Data


@dataclass(frozen=True)
class Picture:
    """A PNG with its size in pixels."""

    png: bytes
    width: int
    height: int
    alt: str


@dataclass(frozen=True)
class Gallery:
    """Pictures in a grid, one row per generation; None where there is no picture."""

    name: str
    title: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Picture | None]]]
    data: Data


@dataclass(frozen=True)
class Prose:
    """A paragraph; ``role`` is ``answer``, ``plain`` or ``warning``."""

    parts: Sentence
    role: str = "plain"

    @property
    def text(self) -> str:
        """The text without emphasis."""
        return "".join(self.parts)


@dataclass(frozen=True)
class Listing:
    """Remarks, each with its subject."""

    items: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Code:
    """Text to copy, shown as it is; folded away where it has a ``summary``."""

    text: str
    summary: str = ""


Block = Table | Figure | Gallery | Prose | Listing | Code


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    name: str
    title: str
    blocks: Sequence[Block]
