"""The reports as the command line asks for them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

from recurse import cache
from recurse.cli.stores import open_store
from recurse.reading.problems import RecurseError
from recurse.running.standing import program
from recurse.scenario.identity import canonical, digest


class Told(NamedTuple):
    """The answer in words, a paragraph per metric, and the page if one was asked for."""

    answer: list[str]
    page: Path | None


def told(store: str, scenario: str, run: str, page: bool) -> Told:
    """The answer and the page of a scenario; from the cache if its last ``run`` was told before.

    The cache is the user's, not part of the store: a store may be somebody else's.
    """
    place = Path(store) / "reports" / f"{scenario}.html"
    kept = cache.folder("told") / f"{digest(canonical([run, *_programs()]))}.json"
    with suppress(OSError, ValueError):
        known = json.loads(kept.read_text(encoding="utf-8"))
        if not page or known["page"] == _bytes(place):
            return Told(known["answer"], place if page else None)
    import recurse_reports

    from recurse.store.reader import Store

    with Store(store) as opened:
        answer = list(recurse_reports.told(opened, scenario, place if page else None))
    with suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        facts = {"answer": answer, "page": _bytes(place) if page else ""}
        kept.write_text(json.dumps(facts), encoding="utf-8")
    return Told(answer, place if page else None)


def _bytes(place: Path) -> str:
    return hashlib.sha256(place.read_bytes()).hexdigest()


def _programs() -> list[str]:
    """The program texts of judging and of reporting."""
    found = find_spec("recurse_reports")
    places = (found and found.submodule_search_locations) or ()
    return [program(), *(cache.fingerprint(Path(place)) for place in places)]


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
