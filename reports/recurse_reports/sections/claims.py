"""The scenario's claims, failed ones first, and the evidence for each arm."""

from __future__ import annotations

from collections.abc import Sequence

from recurse.claims.folded import folded
from recurse.store.records import ClaimRecord
from recurse_reports import words
from recurse_reports.blocks import Block, Prose, Section, Table
from recurse_reports.subject import Subject

ORDER = 30
VERDICTS = {False: ("failed", "bad"), None: ("undecided", "unknown"), True: ("holds", "good")}
Claims = dict[tuple[str, str], list[ClaimRecord]]
"""(Number and kind, statement) -> the finding for each arm."""


def section(subject: Subject) -> Section | None:
    """The claims, or None where the scenario makes none."""
    claims = _claims(subject)
    if not claims:
        return None
    blocks: list[Block] = [Prose((_sentence(claims),))]
    if published := subject.record["spec"].get("published"):
        blocks.append(Prose((f"What was published and does not hold: {published}",)))
    every = [record for found in claims.values() for record in found]
    if len(every) == len(claims):
        blocks.append(_evidences(subject, every, "Claims as last checked"))
        return Section("claims", "Claims", blocks)
    blocks.append(_table(subject, claims))
    bad = [record for record in every if record.holds is not True]
    if bad:
        blocks.append(_evidences(subject, bad, "What does not hold"))
    title = "The evidence for each claim and arm"
    blocks.append(_evidences(subject, every, "Evidence as last checked", title))
    return Section("claims", "Claims", blocks)


def verdict(found: Sequence[ClaimRecord]) -> bool | None:
    """The verdict on a claim, which holds if it does for every arm."""
    if any(record.holds is False for record in found):
        return False
    return None if any(record.holds is None for record in found) else True


def _claims(subject: Subject) -> Claims:
    """Failed ones first, then in the order of the file."""
    names = ("claim", "kind", "arm", "holds", "statement", "evidence")
    frame = subject.store.claims(subject.name)
    records = [
        ClaimRecord(row[0], row[1], row[2] or "", row[3], row[4] or "", row[5] or "")
        for row in frame.select(names).rows()
    ]
    found: Claims = {}
    for record in folded(records, subject.backends):
        found.setdefault((record.claim, record.statement), []).append(record)
    order = list(VERDICTS)
    return dict(sorted(found.items(), key=lambda item: order.index(verdict(item[1]))))


def _table(subject: Subject, claims: Claims) -> Table:
    """A row per claim, with the number of its arms."""
    rows, marks = [], []
    for found in claims.values():
        word, mark = VERDICTS[verdict(found)]
        rows.append([word, _statement(found[0]), _about(subject, found)])
        marks.append(mark)
    return Table("Claims as last checked", ("verdict", "claim", "about"), rows, (), marks)


def _about(subject: Subject, found: Sequence[ClaimRecord]) -> str:
    """The arm, or the number of arms; and the number for which the claim holds if not all."""
    arms = dict.fromkeys(record.arm for record in found)
    if len(arms) == 1:
        return _arm(subject, found[0].arm)
    what = "comparison" if any(" > " in arm for arm in arms) else "arm"
    bad = {record.arm for record in found if record.holds is not True}
    if not bad:
        return words.count(len(arms), what)
    return f"{len(bad)} of {words.count(len(arms), what)}"


def _evidences(
    subject: Subject, records: Sequence[ClaimRecord], caption: str, folded_as: str = ""
) -> Table:
    order = list(VERDICTS)
    records = sorted(records, key=lambda record: order.index(record.holds))
    rows = [
        [
            VERDICTS[record.holds][0],
            _statement(record),
            _arm(subject, record.arm),
            record.evidence,
        ]
        for record in records
    ]
    marks = [VERDICTS[record.holds][1] for record in records]
    head = ("verdict", "claim", "arm", "evidence")
    return Table(caption, head, rows, (), marks, folded_as)


def _sentence(claims: Claims) -> str:
    """``2 of 3 claims hold, 1 failed.``"""
    verdicts = [verdict(found) for found in claims.values()]
    held, failed = verdicts.count(True), verdicts.count(False)
    undecided = len(verdicts) - held - failed
    if held == len(verdicts):
        return "The one claim holds." if held == 1 else f"All {held} claims hold."
    if len(verdicts) == 1:
        return "The one claim failed." if failed else "The one claim could not be decided."
    text = f"{held} of {len(verdicts)} claims {'holds' if held == 1 else 'hold'}"
    if failed:
        text += f", {failed} failed"
    if undecided:
        text += f", {undecided} could not be decided from the results"
    return text + "."


def _statement(record: ClaimRecord) -> str:
    return words.symbols(record.statement) or f"{record.kind} {record.claim}"


def _arm(subject: Subject, label: str) -> str:
    return " > ".join(subject.words.get(name, name) for name in label.split(" > "))
