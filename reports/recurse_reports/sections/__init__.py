"""The sections of a report, one file each: a query, a figure, a sentence.

A module has ``ORDER``, its place on the page, and ``section(subject)``, which returns None where
the store has no rows for it. Files are discovered, nobody edits a list.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Protocol, cast

from recurse_reports.blocks import Section
from recurse_reports.subject import Subject


class SectionModule(Protocol):
    """A file of this folder."""

    ORDER: int

    def section(self, subject: Subject) -> Section | None:
        """The section about a scenario, or None."""
        ...


@cache
def modules() -> tuple[SectionModule, ...]:
    """The files of this folder in the order of the page."""
    found = [
        (module.ORDER, name, module)
        for _, name, _ in pkgutil.iter_modules(__path__)
        for module in [importlib.import_module(f"{__name__}.{name}")]
    ]
    return tuple(cast(SectionModule, module) for _, _, module in sorted(found, key=lambda f: f[:2]))


def sections(subject: Subject) -> tuple[Section, ...]:
    """The sections that have something to show."""
    found = (module.section(subject) for module in modules())
    return tuple(section for section in found if section is not None)
