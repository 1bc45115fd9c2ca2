"""The answer in numbers: a paragraph for each further metric, and all changes in a table."""

from __future__ import annotations

from recurse_reports.blocks import Section
from recurse_reports.sections import answer
from recurse_reports.subject import Subject

ORDER = 22


def section(subject: Subject) -> Section | None:
    """The numbers, or None while nothing has been measured beyond generation 0."""
    found = answer.answers(subject)
    if not found:
        return None
    return Section("numbers", "In numbers", [*found[1:], answer.numbers(subject)])
