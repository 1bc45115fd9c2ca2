"""Whether each arm has collapsed, by eight definitions of what collapse is."""

from __future__ import annotations

import math

from recurse.verdicts import LEVEL, NUMBERS, Verdict, definitions
from recurse.verdicts.stored import found
from recurse_reports import words
from recurse_reports.blocks import Block, Prose, Section, Table
from recurse_reports.subject import Subject, measure
from recurse_reports.words import Sentence, Strong

ORDER = 5
LINES = 20
"""Rows of the table above which it is folded away."""
TONES = {"yes": "bad", "no": "good", "cannot tell": "unknown"}
Rows = dict[tuple[str, str], dict[int, Verdict]]


def section(subject: Subject) -> Section | None:
    """Arms by definitions, or None where there is nothing to judge by any of them."""
    rows: Rows = {}
    for verdict in found(subject.store, subject.name):
        rows.setdefault((verdict.arm, verdict.backend), {})[verdict.definition] = verdict
    asked = [one for row in rows.values() for one in row.values() if one.asked]
    if all(one.answer == "cannot tell" and math.isnan(one.finding.figure) for one in asked):
        return None
    spoken = [n for n in NUMBERS if any(one.definition == n for one in asked)]
    blocks: list[Block] = [Prose(_sentence(subject, rows), "answer"), _table(subject, rows, spoken)]
    blocks += [Prose((_level(asked, spoken),)), _evidence(subject, rows), _rules(asked)]
    return Section("verdicts", "Has it collapsed?", blocks)


def _sentence(subject: Subject, rows: Rows) -> Sentence:
    """That one loop can fail one definition and pass another, with the arms that do."""
    first = subject.backends[0]
    mine = {arm: row for (arm, backend), row in rows.items() if backend == first}
    split = [arm for arm, row in mine.items() if _numbers(row, "yes") and _numbers(row, "no")]
    start = "One loop can collapse by one definition and not by another"
    if not split:
        return (f"{start}; in these results no arm is shown to do both.",)
    worst = max(split, key=lambda arm: len(_numbers(mine[arm], "yes")))
    other = max(split, key=lambda arm: _apart(mine[worst], mine[arm]))
    same = all(_numbers(mine[worst], one) == _numbers(mine[other], one) for one in ("yes", "no"))
    spoken = [worst] if same else [worst, other]
    parts: list[str] = [f"{start}: "]
    for place, arm in enumerate(spoken):
        yes, no = _numbers(mine[arm], "yes"), _numbers(mine[arm], "no")
        parts += ["; " if place else "", Strong(subject.words[arm])]
        parts.append(f" collapses by {_named(yes)}, but not by {_named(no)}")
    return (*parts, ".")


def _apart(one: dict[int, Verdict], other: dict[int, Verdict]) -> tuple[int, int]:
    """How many definitions one arm fails and the other passes, and how many the other passes."""
    yes, no = set(_numbers(one, "yes")), set(_numbers(other, "no"))
    return len(yes & no), len(no)


def _numbers(row: dict[int, Verdict], answer: str) -> list[int]:
    return [number for number, verdict in row.items() if verdict.answer == answer]


def _named(numbers: list[int]) -> str:
    """``any rise of risk (2) and diverging risk (3)``."""
    return words.listed([f"{definitions()[number].NAME} ({number})" for number in numbers])


def _level(asked: list[Verdict], spoken: list[int]) -> str:
    """How sure the answers are, and which definitions nothing speaks to."""
    count = words.count(sum(one.asked for one in asked), "answer")
    text = (
        "The definitions are those of Schaeffer et al. 2503.03150; the thresholds, listed below, "
        "are ours. Both yes and no are shown against the noise of the seeds, at a level of "
        f"{LEVEL:.0%} for all {count} together (Bonferroni); where neither is shown it says "
        "cannot tell."
    )
    silent = [number for number in NUMBERS if number not in spoken]
    if not silent:
        return text
    many = "definition" if len(silent) == 1 else "definitions"
    listed = words.listed([str(number) for number in silent])
    return f"{text} No metric that was stored speaks to {many} {listed}."


def _table(subject: Subject, rows: Rows, spoken: list[int]) -> Table:
    """Arms by the definitions that a metric speaks to.

    Another backend has a row of its own where an answer differs from that of the first.
    """
    known = {number: definitions()[number] for number in spoken}
    first = subject.backends[0]
    lines = []
    for (arm, backend), row in rows.items():
        main = rows.get((arm, first))
        answers = [_answer(row[number]) for number in known]
        if backend == first or main is None:
            lines.append([subject.words[arm], *answers])
        elif answers != [_answer(main[number]) for number in known]:
            lines.append([f"{subject.words[arm]} ({backend})", *answers])
    head = ["arm", *(f"{number} {one.NAME}" for number, one in known.items())]
    folded = "All arms by all definitions" if len(lines) > LINES else ""
    return Table("Collapse, arm by definition", head, lines, folded=folded, tones=TONES)


def _answer(verdict: Verdict) -> str:
    return verdict.answer if verdict.asked else "–"


def _evidence(subject: Subject, rows: Rows) -> Table:
    """The figure behind every answer."""
    several = len({backend for _, backend in rows}) > 1
    lines = [
        [
            subject.words[arm],
            *([backend] if several else []),
            str(number),
            verdict.answer,
            measure(verdict.metric).noun,
            verdict.finding.evidence,
        ]
        for (arm, backend), row in rows.items()
        for number, verdict in row.items()
        if verdict.asked
    ]
    head = ["arm", *(["backend"] if several else []), "definition", "answer", "metric", "evidence"]
    return Table("What the answers rest on", head, lines, folded="The figure behind each answer")


def _rules(asked: list[Verdict]) -> Table:
    """The eight definitions with their thresholds."""
    used = {
        number: dict.fromkeys(one.metric for one in asked if one.definition == number)
        for number in NUMBERS
    }
    lines = [
        [str(number), one.NAME, one.RULE, ", ".join(measure(m).noun for m in used[number]) or "–"]
        for number, one in definitions().items()
    ]
    head = ("", "definition", "yes if", "decided by")
    return Table("Definitions and thresholds", head, lines, folded="The definitions")
