"""The outcome of a plan, from the store: complete, failed or incomplete, claims and remarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recurse.engines.local import Failure
from recurse.planning.blocks import Cell
from recurse.planning.plan import Plan
from recurse.planning.planner import never_measured
from recurse.running.judge import judge
from recurse.store import signals
from recurse.store.records import CellRecord, ClaimRecord, Note, Short
from recurse.store.writer import StoreWriter


@dataclass(frozen=True)
class Result:
    """The result of a run."""

    plan: Plan
    failures: tuple[Failure, ...]
    lost: tuple[tuple[str, int, str], ...]
    """Cells whose model broke: (cell, generation, reason)."""
    claims: tuple[ClaimRecord, ...]
    messages: tuple[str, ...]
    short: tuple[Short, ...] = ()
    """Cells that lack generations and neither failed nor are in a block that did."""
    silent: tuple[Note, ...] = ()
    """Warnings of metrics that were never a number."""
    run: str = ""
    """The run that these results are of; an earlier one if this one had nothing to do."""

    def __repr__(self) -> str:
        lost, held = len(self.lost), sum(claim.holds is True for claim in self.claims)
        return (
            f"<Result of '{self.plan.scenario.name}': {len(self.plan.cells)} cells, {lost} failed; "
            f"{held} of {len(self.claims)} verdicts hold>"
        )

    @property
    def status(self) -> str:
        """The status of the run in the store."""
        if self.failures or self.lost:
            return "failed"
        return "incomplete" if self.short else "complete"

    @property
    def holds(self) -> bool:
        """True if every cell finished and every claim holds."""
        whole = not (self.failures or self.lost or self.short)
        return whole and all(claim.holds for claim in self.claims)


def judged(made: Plan, writer: StoreWriter, failures: Sequence[Failure]) -> Result:
    """The outcome of the plan, read from the store; its claims and remarks are stored as well."""
    scenario = made.scenario
    with signals.prompt():
        claims = judge(scenario, lambda metric: writer.arrays(scenario.name, metric))
    writer.put_claims(scenario.name, claims)
    stored = _stored(made, writer)
    silent = _silent(made, writer, stored)
    writer.put_notes(scenario.name, notes(made, silent))
    short = _short(made, writer, failures, stored)
    lost = _lost(stored)
    return Result(made, tuple(failures), lost, tuple(claims), (), short, silent, writer.run)


def incomplete(made: Plan, writer: StoreWriter) -> bool:
    """True if a cell of the plan lacks a generation or has failed."""
    stored = _stored(made, writer)
    return bool(_lost(stored) or _short(made, writer, (), stored))


def before(made: Plan) -> tuple[Note, ...]:
    """The warnings that the plan has from earlier runs."""
    return tuple(
        Note(arm.label, "metric", text)
        for arm in made.arms
        for text in never_measured(arm, ())
        if text in arm.notes
    )


def _stored(made: Plan, writer: StoreWriter) -> list[tuple[Cell, CellRecord]]:
    """The cells of the plan that have anything stored."""
    known = writer.history([cell.id for cell in made.cells])
    return [(cell, known[cell.id]) for cell in made.cells if cell.id in known]


def _lost(stored: Sequence[tuple[Cell, CellRecord]]) -> tuple[tuple[str, int, str], ...]:
    return tuple(
        (cell.id, known.generations_done + 1, known.failure)
        for cell, known in stored
        if known.failure
    )


def _short(
    made: Plan,
    writer: StoreWriter,
    failures: Sequence[Failure],
    stored: Sequence[tuple[Cell, CellRecord]],
) -> tuple[Short, ...]:
    """The cells that should be complete and are not; a run must never hide them."""
    failed = {cell for failure in failures for cell in failure.block.cells}
    asked = {cell for block in made.blocks for cell in block.cells} - failed
    settled = {
        cell.id
        for cell, known in stored
        if known.failure or known.generations_done >= made.arms[cell.arm].arm.generations
    }
    wanted = {
        cell.id: made.arms[cell.arm].arm.generations
        for cell in made.cells
        if cell.id not in settled and (cell.id in asked or cell.status == "cached")
    }
    return tuple(writer.short(wanted)) if wanted else ()


def _silent(
    made: Plan, writer: StoreWriter, stored: Sequence[tuple[Cell, CellRecord]]
) -> tuple[Note, ...]:
    """A warning for every metric that was never a number, in this run or in earlier ones."""
    ran = {block.arm for block in made.blocks}
    measured = writer.measured(made.scenario.name) if ran else set()
    held = {cell.arm for cell, known in stored if known.generations_done >= 0}
    found = []
    for place, arm in enumerate(made.arms):
        now = never_measured(arm, measured) if place in ran & held else []
        earlier = [text for text in never_measured(arm, ()) if text in arm.notes]
        found += [Note(arm.label, "metric", text) for text in (now if place in ran else earlier)]
    return tuple(found)


def notes(made: Plan, silent: Sequence[Note] = ()) -> list[Note]:
    """The remarks of the plan and on metrics, each once."""
    found = [
        Note(arm.label, "plan", text)
        for arm in made.arms
        for text in arm.notes
        if text not in never_measured(arm, ())
    ]
    return list(dict.fromkeys([*silent, *found]))
