"""The remarks of planner and theory, such as a law that was left out and the reason."""

from __future__ import annotations

from recurse_reports import words
from recurse_reports.blocks import Listing, Section, Table
from recurse_reports.subject import Subject

ORDER = 60
LINES = 3
"""Remarks above which they are folded away."""


def section(subject: Subject) -> Section | None:
    """The remarks; one that several arms share is shown once."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in subject.store.notes(subject.name).to_dicts():
        arm = subject.words.get(row["arm"], row["arm"] or "")
        found.setdefault((row["about"] or "", row["note"] or ""), []).append(arm)
    items = []
    for (about, note), arms in found.items():
        named = [arm for arm in dict.fromkeys(arms) if arm]
        where = f" ({', '.join(named)})" if named and len(named) < len(subject.arms) else ""
        items.append((about + where, note))
    if len(items) <= LINES:
        return Section("remarks", "Remarks", [Listing(items)]) if items else None
    folded = words.count(len(items), "remark")
    table = Table("What planner and theory remarked", ("about", "remark"), items, folded=folded)
    return Section("remarks", "Remarks", [table])
