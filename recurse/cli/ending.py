"""The end of a run on screen: a summary, the claims, the places of the results, the exit code."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Collection, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recurse.claims.folded import folded
from recurse.cli import console, failures
from recurse.store.records import ClaimRecord

if TYPE_CHECKING:
    from recurse.planning.blocks import Cell
    from recurse.running.run import Result

_SEEDS = 8  # seeds named in one line
_VERDICTS = {True: ("holds", "green"), False: ("FAILS", "red"), None: ("cannot tell", "yellow")}


def summary(result: Result) -> str:
    """One line: the number of cells that were run and of those that were stored already."""
    plan = result.plan
    cached, ran = plan.count("cached"), {cell for block in plan.blocks for cell in block.cells}
    if not ran and not result.lost and not result.short:
        return f"{plan.scenario.name}: cached: {cached} cells; nothing to run"
    broken = {cell for cell, _, _ in result.lost}
    broken |= {cell for failure in result.failures for cell in failure.block.cells}
    short = {one.cell for one in result.short}
    parts = [f"{len(ran - broken - short)} cells run"] if ran else []
    parts += [f"{cached} cached"] if cached else []
    parts += [f"{len(broken)} failed"] if broken else []
    parts += [f"{len(short)} incomplete"] if short else []
    return f"{plan.scenario.name}: {', '.join(parts)}"


def told(result: Result, answer: Sequence[str]) -> str:
    """The summary, the answer in words, and the claims."""
    paragraphs = [
        textwrap.fill(text, 100, initial_indent="  ", subsequent_indent="  ") for text in answer
    ]
    head = console.paint(summary(result), "bold")
    backends = {arm.arm.backend for arm in result.plan.arms}
    return "\n".join([head, *paragraphs, *claims_lines(result.claims, backends)])


def claims_lines(claims: Sequence[Any], backends: Collection[str]) -> list[str]:
    """Every claim once, then its verdict and evidence for each arm; backends that agree together.

    Args:
        claims: records of claims, or rows of a store with their fields.
        backends: those that the scenario ran on.
    """
    names = [one.name for one in fields(ClaimRecord)]
    records = [ClaimRecord(*(getattr(claim, name) for name in names)) for claim in claims]
    claims = folded(records, backends)
    by_claim: dict[tuple[str, str], list[Any]] = {}
    for claim in claims:
        by_claim.setdefault((claim.claim, claim.statement), []).append(claim)
    lines = [console.paint("  claims", "bold")] if by_claim else []
    wide = max((len(_VERDICTS[claim.holds][0]) for claim in claims), default=0)
    for (name, statement), verdicts in by_claim.items():
        lines.append(f"  {name}: {statement}")
        for claim in verdicts:
            word, color = _VERDICTS[claim.holds]
            about = f"{claim.arm}: {claim.evidence}" if claim.arm else claim.evidence
            lines.append(f"    {console.paint(word.ljust(wide), color)}  {about}")
    return lines


def places(store: str, scenarios: Sequence[str], pages: Sequence[Path]) -> None:
    """The places of the results and of the reports."""
    where = "" if store == "runs" else f" --store {shlex.quote(store)}"
    for name in scenarios:
        console.say(f"results: recurse show {name}{where}")
    for path in pages:
        console.data(f"report: {path}")


def trouble(result: Result, command: str) -> None:
    """Failed cells, each reason once, and the next step."""
    reasons: dict[str, int] = {}
    for _, generation, reason in result.lost:
        text = reason if "generation" in reason else f"generation {generation}: {reason}"
        reasons[text] = reasons.get(text, 0) + 1
    for reason, number in reasons.items():
        console.error(f"{result.plan.scenario.name}: {number} cells failed: {reason}")
    for failure in result.failures:
        arm = result.plan.arms[failure.block.arm]
        console.error(f"{arm.label} on {arm.arm.backend}: {failure.message}")
    for text in _lacking(result):
        console.error(text)
    for note in result.silent:
        console.warn(f"warning: {note.arm}: {note.text}")
    if result.lost or result.failures or result.short:
        retry = command if "--retry" in command or not result.lost else f"{command} --retry"
        console.warn(f"what finished is kept; to try the rest again: {retry}")


def _lacking(result: Result) -> list[str]:
    """Cells that are incomplete although nothing failed, with the generations that they lack."""
    from recurse.planning import words

    short = {one.cell: one for one in result.short}
    by_arm: dict[int, list[Cell]] = {}
    for cell in result.plan.cells:
        if cell.id in short:
            by_arm.setdefault(cell.arm, []).append(cell)
    texts = []
    for place, cells in by_arm.items():
        arm = result.plan.arms[place]
        seeds = ", ".join(str(cell.seed) for cell in cells[:_SEEDS])
        more = f" and {len(cells) - _SEEDS} more" if len(cells) > _SEEDS else ""
        what = words.gaps(gap for cell in cells for gap in short[cell.id].missing)
        texts.append(f"{words.name(arm)}, seed {seeds}{more}: {what} did not reach the store")
    return texts


def code(results: Sequence[Result], partial: bool) -> int:
    """4 for a bug, 1 if a cell or a claim failed, else 0.

    A run of some arms only (``partial``) may leave claims open.
    """
    bugs = [f for result in results for f in result.failures if f.bug]
    if bugs:
        return failures.bug(bugs[0].trace, bugs[0].message)
    for result in results:
        open_claims = any(claim.holds is None for claim in result.claims) and not partial
        if result.failures or result.lost or result.short or open_claims:
            return failures.FAILED
        if any(claim.holds is False for claim in result.claims):
            return failures.FAILED
    return failures.OK
