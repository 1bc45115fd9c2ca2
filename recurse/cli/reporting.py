"""What the command line asks of the reports; they are an extra and may be absent."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from recurse.cli import console
from recurse.problems import RecurseError

INSTALL = "pip install 'recurse-sim[reports]'"


def available() -> bool:
    """Whether reports can be drawn here."""
    return all(find_spec(name) is not None for name in ("recurse_reports", "altair", "vl_convert"))


def answer(store: str, scenario: str) -> None:
    """The answer in words."""


def announce(store: str, scenarios: Sequence[str], wanted: bool) -> None:
    """Where the results and the report are."""
    for name in scenarios:
        console.say(f"results: recurse show {name} --store {store}")


def report(
    store: str, scenarios: Sequence[str], output: str | None, format: str, interactive: bool
) -> int:
    """Write reports."""
    raise RecurseError("reports are not there yet")
