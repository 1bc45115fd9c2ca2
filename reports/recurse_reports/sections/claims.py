"""The scenario's claims with their evidence, failed ones first."""

from __future__ import annotations

import json
from typing import Any

from recurse_reports import words
from recurse_reports.blocks import Prose, Section, Table
from recurse_reports.subject import Subject

ORDER = 30
LINES = 8
"""Claims above which those that hold are folded away."""
VERDICTS = {False: ("failed", "bad"), None: ("undecided", "unknown"), True: ("holds", "good")}


def section(subject: Subject) -> Section | None:
    """The table of claims, or None where the scenario makes none."""
    rows = subject.store.claims(subject.name).to_dicts()
    if not rows:
        return None
    order = list(VERDICTS)
    rows.sort(key=lambda row: order.index(row["holds"]))
    parts = [rows]
    if len(rows) > LINES:
        parts = [
            [r for r in rows if r["holds"] is not True],
            [r for r in rows if r["holds"] is True],
        ]
    tables = [_table(subject, part, len(rows) > LINES) for part in parts if part]
    opening = [Prose((_sentence(rows),))]
    if published := subject.record["spec"].get("published"):
        opening.append(Prose((f"What was published and does not hold: {published}",)))
    return Section("claims", "Claims", [*opening, *tables])


def _table(subject: Subject, rows: list[dict[str, Any]], long: bool) -> Table:
    """Claims that hold are folded away where there are many."""
    fold = long and all(row["holds"] for row in rows)
    return Table(
        "Claims as last checked",
        ("verdict", "claim", "arm", "evidence"),
        [_row(subject, row) for row in rows],
        (),
        [VERDICTS[row["holds"]][1] for row in rows],
        f"The {words.count(len(rows), 'claim')} that hold" if fold and len(rows) > 1 else "",
    )


def _sentence(rows: list[dict[str, Any]]) -> str:
    """``2 of 3 claims hold, 1 failed.``"""
    held = sum(row["holds"] is True for row in rows)
    failed = sum(row["holds"] is False for row in rows)
    undecided = len(rows) - held - failed
    if held == len(rows):
        return "The one claim holds." if held == 1 else f"All {held} claims hold."
    if len(rows) == 1:
        return "The one claim failed." if failed else "The one claim could not be decided."
    text = f"{held} of {len(rows)} claims {'holds' if held == 1 else 'hold'}"
    if failed:
        text += f", {failed} failed"
    if undecided:
        text += f", {undecided} could not be decided from the results"
    return text + "."


def _row(subject: Subject, row: dict[str, Any]) -> list[str]:
    statement = row["statement"] or f"{row['kind']} {row['claim']}"
    arms = (row["arm"] or "").split(" > ")
    arm = " > ".join(subject.words.get(name, name) for name in arms)
    return [VERDICTS[row["holds"]][0], statement, arm, _evidence(row["evidence"] or "")]


def _evidence(text: str) -> str:
    """Evidence in words; JSON is opened up into ``name value, name value``."""
    if not text.startswith("{"):
        return text
    try:
        found = json.loads(text)
    except ValueError:
        return text
    parts = (f"{str(key).replace('_', ' ')} {_figure(value)}" for key, value in found.items())
    return ", ".join(parts)


def _figure(value: Any) -> str:
    if isinstance(value, float):
        return words.number(value)
    return str(value)
