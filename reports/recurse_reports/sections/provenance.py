"""The origin of the numbers: scenario, runs, versions, machine, and the command to repeat."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import yaml

from recurse_reports import words
from recurse_reports.blocks import Block, Code, Prose, Section, Table
from recurse_reports.subject import Subject, plain

ORDER = 80
RUNS = 10
"""Runs listed, the latest ones."""


def section(subject: Subject) -> Section | None:
    """The section, which every scenario has: a store without runs has no scenario."""
    record = subject.record
    runs = subject.store.runs(subject.name).to_dicts()
    last: dict[str, Any] = runs[-1] if runs else {}
    facts = [("scenario", subject.name), ("digest of the scenario", record["digest"] or "")]
    facts += [("results", _results(subject))]
    facts += [(name, _pairs(plain(last.get(name)))) for name in ("versions", "machine", "git")]
    facts += _numerics(subject)
    rows = [list(fact) for fact in facts if fact[1]]
    blocks: list[Block] = [Table("What produced these results", ("", ""), rows)]
    if runs:
        blocks.append(_runs(runs))
    command = (last.get("command") or "").strip()
    if command:
        blocks += [Prose(("This command reproduces the results:",)), Code(command)]
    text = yaml.safe_dump(record["spec"], sort_keys=False, allow_unicode=True, width=88)
    blocks.append(Code(text, "The scenario as it was resolved"))
    return Section("provenance", "Provenance", blocks)


def _results(subject: Subject) -> str:
    frame = subject.store.cells(subject.name)
    done = int((frame["done"] + 1).sum())
    cells = words.count(len(frame), "cell")
    arms = words.count(len(subject.arms), "arm")
    backends = words.listed(subject.backends)
    return f"{cells} ({arms}; {backends}), {words.count(done, 'generation')} in all"


def _runs(runs: list[dict[str, Any]]) -> Table:
    shown = runs[-RUNS:]
    rows = [
        [
            row["run"],
            _time(row["started"]),
            _time(row["finished"]),
            row["status"] or "",
            row["command"] or "",
        ]
        for row in shown
    ]
    left = f"; the latest {len(shown)} of {len(runs)}" if len(shown) < len(runs) else ""
    head = ("run", "started", "finished", "ended", "command")
    return Table(f"Runs that contributed (times in UTC){left}", head, rows)


def _time(moment: datetime | None) -> str:
    return "" if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S")


def _pairs(found: Mapping[str, Any]) -> str:
    return ", ".join(f"{key.replace('_', ' ')} {_scalar(value)}" for key, value in found.items())


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return f"({_pairs(value)})"
    if isinstance(value, list):
        return " ".join(map(_scalar, value))
    return words.number(value, 6) if isinstance(value, float) else str(value)


def _numerics(subject: Subject) -> list[tuple[str, str]]:
    """The classes within which equal bits are promised, and that this scenario's numbers are of."""
    used = set(subject.store.costs(subject.name)["numerics"].to_list())
    rows = subject.store.sql(
        "SELECT id, CAST(detail AS VARCHAR) AS detail FROM numerics ORDER BY id"
    )
    found = [(row["id"], plain(row["detail"])) for row in rows.to_dicts() if row["id"] in used]
    return [(f"numerics class {name[:8]}", _pairs(detail)) for name, detail in found]
