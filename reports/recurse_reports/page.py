"""One scenario ready to be set: its sections, and its figures drawn once."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from functools import cached_property

from recurse_reports import svg
from recurse_reports.blocks import Cell, Data, Figure, Section
from recurse_reports.narrow import ROOM, narrowed
from recurse_reports.sections import sections
from recurse_reports.subject import Subject
from recurse_reports.words import slug, symbols

ARXIV = re.compile(r"(?:arXiv:)?\b(\d{4}\.\d{4,5})(?:v\d+)?\b")
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Page:
    """A scenario as a template sees it. ``slug`` is unique among the pages of a report."""

    name: str
    slug: str
    title: str
    question: str
    cite: str
    sections: tuple[Section, ...]
    state: str
    _drawn: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, subject: Subject, taken: set[str]) -> Page:
        """The page of a scenario; its slug is added to ``taken``."""
        name = slug(subject.name)
        place = 2
        while name.lower() in taken:
            name, place = f"{slug(subject.name)}-{place}", place + 1
        taken.add(name.lower())
        record = subject.record
        title = symbols(record["title"] or subject.name)
        found = sections(subject)
        texts = (symbols(record["question"] or ""), record["cite"] or "")
        return cls(subject.name, name, title, *texts, found, _state(subject))

    @property
    def heading(self) -> str:
        """The question; without one the title, unless this run does not show it."""
        return self.question or (self.title if self.shown else self.name)

    @property
    def shown(self) -> bool:
        """True if this run shows the title's statement: all claims hold, or none was made."""
        return self.state in ("", "all claims hold")

    @property
    def claim(self) -> str:
        """The title, marked as shown or only claimed; '' if it is the heading."""
        if self.title in (self.heading, self.name):
            return ""
        word = {"all claims hold": "Shown here", "": "Title"}.get(self.state, "Claimed, not shown")
        note = f" ({self.state})" if not self.shown else ""
        return f"{word}{note}: {self.title}"

    @cached_property
    def cited(self) -> tuple[tuple[str, str], ...]:
        """The citation in parts: (text, its number on arXiv or nothing)."""
        found, end = [], 0
        for match in ARXIV.finditer(self.cite):
            found += [(self.cite[end : match.start()], ""), (match.group(), match.group(1))]
            end = match.end()
        return tuple(part for part in (*found, (self.cite[end:], "")) if part[0])

    def id(self, *parts: str) -> str:
        """An id that no other element of the report has."""
        return "-".join(slug(part).replace(".", "-") for part in (self.slug, *parts))

    def draw(self, figure: Figure) -> str:
        """The figure as inline SVG."""
        if figure.name not in self._drawn:
            self._drawn[figure.name] = svg.draw(figure.chart)
        return self._drawn[figure.name]

    def draw_narrow(self, figure: Figure) -> str:
        """The figure as inline SVG for a narrow screen."""
        return svg.draw(narrowed(figure.chart), ROOM)

    @property
    def answer(self) -> str:
        """The first paragraph of the answer as plain text, empty if there is none."""
        blocks = [b for s in self.sections if s.name == "answer" for b in s.blocks]
        return next((text for block in blocks if (text := getattr(block, "text", ""))), "")


def comma_separated(data: Data) -> str:
    """All rows behind a figure as CSV; texts that a spreadsheet would run are made harmless."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(data.head)
    writer.writerows([_harmless(cell) for cell in row] for row in data.rows)
    return out.getvalue()


def _harmless(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def _state(subject: Subject) -> str:
    """``claims hold``, ``1 claim failed`` or ''."""
    claims: dict[str, set[bool | None]] = {}
    for name, holds in subject.store.claims(subject.name).select("claim", "holds").rows():
        claims.setdefault(name, set()).add(holds)
    failed = sum(False in found for found in claims.values())
    undecided = sum(None in found and False not in found for found in claims.values())
    if failed:
        return f"{failed} {'claim' if failed == 1 else 'claims'} failed"
    if undecided:
        return f"{undecided} {'claim' if undecided == 1 else 'claims'} undecided"
    return "all claims hold" if claims else ""
