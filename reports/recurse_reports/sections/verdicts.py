"""Collapse of each arm, by eight definitions of collapse."""

from __future__ import annotations

import math
from collections.abc import Iterable

from recurse.verdicts import LEVEL, NUMBERS, Verdict, definitions
from recurse.verdicts.stored import found
from recurse.verdicts.trace import Finding
from recurse_reports import words
from recurse_reports.blocks import Block, Prose, Section, Table
from recurse_reports.subject import Subject, measure
from recurse_reports.words import Sentence, Strong

ORDER = 25
MANY = 4
"""Arms that a sentence names."""
LINES = 20
"""Rows of the table above which it is folded away."""
TONES = {"yes": "bad", "no": "good", "cannot tell": "unknown"}
Rows = dict[tuple[str, str], dict[int, Verdict]]


def section(subject: Subject) -> Section | None:
    """Arms by definitions, or None if no metric speaks to any of them."""
    rows: Rows = {}
    for verdict in found(subject.store, subject.name):
        rows.setdefault((verdict.arm, verdict.backend), {})[verdict.definition] = verdict
    asked = [one for row in rows.values() for one in row.values() if one.asked]
    if all(_open(one.finding) for one in asked):
        return None
    idle = _idle(asked)
    spoken = [n for n in NUMBERS if n not in idle and any(one.definition == n for one in asked)]
    blocks: list[Block] = [Prose(_sentence(subject, rows, spoken)), _table(subject, rows, spoken)]
    said = _level(asked, [*spoken, *idle])
    said += "".join(f" Definition {n} is not judged: {reason}." for n, reason in idle.items())
    blocks += [_rules(asked, spoken), Prose((said,)), _evidence(subject, rows)]
    several = len({one.answer for one in asked if one.definition in spoken}) > 1
    heading = "Has it collapsed?" + (" It depends on the definition" if several else "")
    return Section("verdicts", heading, blocks)


def _idle(asked: list[Verdict]) -> dict[int, str]:
    """The reason why a definition says nothing about any arm, by its number."""
    found: dict[int, str] = {}
    for number in NUMBERS:
        mine = [one.finding for one in asked if one.definition == number]
        if len({one.evidence for one in mine}) == 1 and all(map(_open, mine)):
            found[number] = mine[0].evidence
    return found


def _open(finding: Finding) -> bool:
    return finding.answer == "cannot tell" and math.isnan(finding.figure)


def _sentence(subject: Subject, rows: Rows, spoken: list[int]) -> Sentence:
    """The definitions by which the arms differ, and those by which they do not."""
    mine: dict[str, dict[int, Verdict]] = {}
    for (arm, _), row in rows.items():
        mine.setdefault(arm, row)
    parts: list[str | Strong] = []
    for number in spoken:
        yes, no = (
            [subject.words[arm] for arm, row in mine.items() if number in _numbers(row, answer)]
            for answer in ("yes", "no")
        )
        if not yes or len(yes) == len(mine):
            continue
        name = f"{definitions()[number].NAME} ({number})"
        parts += ["; " if parts else "By ", f"{name}, ", Strong(_few(yes)), f" {_verb(yes)}"]
        if no:
            parts += [" and ", Strong(_few(no)), f" {_verb(no)} not"]
        if len(yes) + len(no) < len(mine):
            parts += [" (undecided for the rest)"]
    same = [n for n in spoken if all(n in _numbers(row, "yes") for row in mine.values())]
    if not parts and not same:
        return ("No definition tells the arms apart beyond the noise of the seeds.",)
    end = "" if not same else _same(same, len(mine))
    return (*parts, "." if parts else "", f" {end}" if parts and end else end)


def _same(numbers: list[int], arms: int) -> str:
    who = "All arms collapse" if arms > 1 else "The loop collapses"
    return f"{who} by {_named(numbers)}."


def _verb(arms: list[str]) -> str:
    return "does" if len(arms) == 1 else "do"


def _few(arms: list[str]) -> str:
    shown = arms if len(arms) <= MANY else [*arms[: MANY - 1], f"{len(arms) - MANY + 1} more"]
    return words.listed(shown)


def _numbers(row: dict[int, Verdict], answer: str) -> list[int]:
    return [number for number, verdict in row.items() if verdict.answer == answer]


def _named(numbers: list[int]) -> str:
    """``any rise of risk (2) and diverging risk (3)``."""
    return words.listed([f"{definitions()[number].NAME} ({number})" for number in numbers])


def _level(asked: list[Verdict], spoken: list[int]) -> str:
    """The level of the answers, and the definitions that no metric speaks to."""
    count = words.count(sum(one.asked for one in asked), "answer")
    text = (
        "The definitions are those of Schaeffer et al. 2503.03150; the thresholds are ours. "
        "Both yes and no are shown against the noise of the seeds, at a level of "
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


def _rules(asked: list[Verdict], spoken: list[int]) -> Table:
    """The question of each definition that a metric speaks to, with its thresholds."""
    used = {
        number: dict.fromkeys(one.metric for one in asked if one.definition == number)
        for number in spoken
    }
    lines = [
        [f"{n} {definitions()[n].NAME}", definitions()[n].RULE, ", ".join(_nouns(used[n])) or "–"]
        for n in spoken
    ]
    return Table("What each definition asks", ("definition", "yes if", "decided by"), lines)


def _nouns(metrics: Iterable[str]) -> list[str]:
    return [measure(metric).noun for metric in metrics]
