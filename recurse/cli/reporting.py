"""What the command line asks of the reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from recurse.cli.stores import open_store
from recurse.reading.problems import RecurseError


def answer(store: str, scenario: str) -> list[str]:
    """The answer in words, a paragraph per metric."""
    import recurse_reports

    from recurse.store.reader import Store

    with Store(store) as opened:
        return list(recurse_reports.answer(opened, scenario))


def draw(
    store: str,
    scenarios: Sequence[str],
    output: str | None = None,
    format: Literal["html", "md"] = "html",
    interactive: bool = False,
) -> list[Path]:
    """Write reports; returns the files to open.

    Without ``output``, one file per scenario in the store's folder ``reports``. A file gets all
    scenarios on one page; a folder gets one file each, and an index if they are Markdown.

    Raises:
        StoreMissing: the store has no such scenario.
        RecurseError: there is no scenario, or a library that ``interactive`` needs.
    """
    import recurse_reports

    with open_store(store) as opened:
        names = list(scenarios) or list(opened.scenarios())
        if not names:
            raise RecurseError(f"the store {store} has no scenarios", hint="recurse run SPEC")
        for name in names:
            opened.scenario(name)  # refuses what cannot be the name of a file
        place = Path(output) if output else Path(store) / "reports"
        if output and place.suffix.lower() in (".html", ".htm", ".md", ".markdown"):
            return [recurse_reports.write(opened, place, names, format, interactive)]
        if output and format == "md":
            return [recurse_reports.gallery(opened, place, names)[0]]
        return [
            recurse_reports.write(opened, place / f"{name}.{format}", name, format, interactive)
            for name in names
        ]
