"""How a run ends on screen: what happened, the claims, where the results are, the exit code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from recurse.cli import console, failures

if TYPE_CHECKING:
    from recurse.running import Result

_VERDICTS = {True: ("holds", "green"), False: ("FAILS", "red"), None: ("cannot tell", "yellow")}


def summary(result: Result) -> str:
    """One line: what was run and what was there already."""
    plan = result.plan
    cached, ran = plan.count("cached"), {cell for block in plan.blocks for cell in block.cells}
    if not ran and not result.lost:
        return f"{plan.scenario.name}: cached: {cached} cells; nothing to run"
    broken = {cell for cell, _, _ in result.lost}
    broken |= {cell for failure in result.failures for cell in failure.block.cells}
    parts = [f"{len(ran - broken)} cells run"] if ran else []
    parts += [f"{cached} cached"] if cached else []
    parts += [f"{len(broken)} failed"] if broken else []
    return f"{plan.scenario.name}: {', '.join(parts)}"


def claims_table(claims: Iterable[Any]) -> str:
    """Every claim with its verdict and evidence."""
    rows = []
    for claim in claims:
        word, color = _VERDICTS[claim.holds]
        rows.append((word, color, claim))
    if not rows:
        return ""
    wide = max(len(word) for word, _, _ in rows)
    lines = []
    for word, color, claim in rows:
        verdict = console.paint(word.ljust(wide), color)
        lines.append(f"  {verdict}  claim {claim.claim}" + (f", {claim.arm}" if claim.arm else ""))
        lines.append(f"  {'':{wide}}    {claim.statement}")
        lines.append(console.paint(f"  {'':{wide}}    {claim.evidence}", "dim"))
    return "\n".join(lines)


def trouble(result: Result, command: str) -> None:
    """Cells that failed, each reason once, and what to do."""
    reasons: dict[str, int] = {}
    for _, generation, reason in result.lost:
        text = reason if "generation" in reason else f"generation {generation}: {reason}"
        reasons[text] = reasons.get(text, 0) + 1
    for reason, number in reasons.items():
        console.error(f"{result.plan.scenario.name}: {number} cells failed: {reason}")
    for failure in result.failures:
        arm = result.plan.arms[failure.block.arm]
        console.error(f"{arm.label} on {arm.arm.backend}: {failure.message}")
    if result.lost or result.failures:
        retry = command if "--retry" in command or not result.lost else f"{command} --retry"
        console.warn(f"what finished is kept; to try the rest again: {retry}")


def code(results: Sequence[Result], partial: bool) -> int:
    """4 for a bug, 1 if a cell or a claim failed, else 0; in a part of the arms, claims may be open."""
    bugs = [f for result in results for f in result.failures if f.bug]
    if bugs:
        return failures.bug(bugs[0].trace, bugs[0].message)
    for result in results:
        open_claims = any(claim.holds is None for claim in result.claims) and not partial
        if result.failures or result.lost or open_claims:
            return failures.FAILED
        if any(claim.holds is False for claim in result.claims):
            return failures.FAILED
    return failures.OK
