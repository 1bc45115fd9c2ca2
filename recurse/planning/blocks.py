"""Cells and blocks: what is stored of each arm and seed, what is left, and what runs together."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from recurse.lowering.decision import Lowering
from recurse.planning.estimate import Estimate
from recurse.planning.widths import Probes, Width
from recurse.scenario.identity import canonical, difference, digest
from recurse.scenario.scenario import Arm

Status = Literal["new", "changed", "incomplete", "failed", "cached"]


@dataclass(frozen=True)
class Known:
    """The stored state of a cell; ``done`` is the newest generation with no gap before it."""

    block: str
    done: int
    failure: str | None = None
    identity: str = ""


@dataclass(frozen=True)
class History:
    """The records of the store: cells by id, and the place of each in the scenario's last run."""

    cells: Mapping[str, Known] = field(default_factory=dict)
    places: Mapping[tuple[str, str, int], str] = field(default_factory=dict)
    """(arm, backend, seed) -> cell."""
    planned: Mapping[str, str] = field(default_factory=dict)
    """Cell -> the block that the scenario's last plan put it in."""
    probes: Probes = field(default_factory=dict)
    """The measurements of arms, whatever the scenario."""
    measured: Collection[tuple[str, str, str]] | None = None
    """(arm, backend, metric) of the scenario's last run that had any value; None: not known."""


Recall = Callable[[Collection[str]], History]
"""The records of cells, of the earlier cells in their places, and of all that ran with these."""


@dataclass(frozen=True)
class Cell:
    """One arm with one seed."""

    id: str
    arm: int
    seed: int
    status: Status
    reason: str
    done: int
    identity: str


@dataclass(frozen=True)
class Block:
    """Cells of one arm that run as one program, from generation ``done + 1`` to ``last``."""

    id: str
    arm: int
    seeds: tuple[int, ...]
    cells: tuple[str, ...]
    lowering: Lowering
    done: int
    last: int


@dataclass(frozen=True)
class ArmPlan:
    """An arm, its lowering and its cost."""

    label: str
    axes: Mapping[str, str]
    arm: Arm
    lowering: Lowering
    because: str
    cost: Estimate
    width: Width
    notes: tuple[str, ...]


def cell_of(
    index: int, arm: ArmPlan, seed: int, name: str, text: str, history: History, retry: bool
) -> Cell:
    """The work for one seed of the arm at ``index``; ``text`` is the identity of the cell."""
    known = history.cells.get(name)
    last = arm.arm.generations
    if known is None or (known.done < 0 and known.failure is None):
        status, reason = _fresh_cell(arm, seed, history, text)
        return Cell(name, index, seed, status, reason, -1, text)
    if known.done >= last:
        return Cell(name, index, seed, "cached", "stored", known.done, text)
    if known.failure is not None and not retry:
        return Cell(name, index, seed, "failed", known.failure, known.done, text)
    stored = f"generations 0..{known.done} of {last} are stored"
    reason = stored if known.done >= 0 else f"failed before: {known.failure}"
    return Cell(name, index, seed, "incomplete", reason, known.done, text)


def _fresh_cell(arm: ArmPlan, seed: int, history: History, text: str) -> tuple[Status, str]:
    before = history.places.get((arm.label, arm.arm.backend, seed))
    known = history.cells.get(before) if before else None
    if known is None or not known.identity:
        return "new", "not stored yet"
    changes = difference(json.loads(known.identity), json.loads(text))
    return ("changed", "; ".join(changes)) if changes else ("new", "not stored yet")


def blocks_of(index: int, arm: ArmPlan, cells: Sequence[Cell], history: History) -> list[Block]:
    """Cells that were begun run on in the block that began them: their bits stay the same.

    Older stores have no block of a cell that failed at once: such a cell runs anew.
    """
    waiting = [cell for cell in cells if cell.status not in ("cached", "failed")]
    begun = {c.id: history.cells[c.id].block for c in waiting if c.status == "incomplete"}
    names = sorted({*begun.values()} - {""})
    made = [_resumed(arm, block, cells, history) for block in names]
    before, new = _as_planned([cell for cell in waiting if not begun.get(cell.id)], history)
    width = arm.width.replicates
    for part in [*before, *(new[at : at + width] for at in range(0, len(new), width))]:
        made.append(_block(index, arm, [(cell.seed, cell.id) for cell in part], -1))
    return made


def _block(index: int, arm: ArmPlan, members: Sequence[tuple[int, str]], done: int) -> Block:
    """A block of (seed, cell), named after its cells: no other block has its checkpoints."""
    seeds, ids = tuple(s for s, _ in members), tuple(c for _, c in members)
    name = digest(canonical(ids), 8)
    return Block(name, index, seeds, ids, arm.lowering, done, arm.arm.generations)


def _as_planned(new: Sequence[Cell], history: History) -> tuple[list[list[Cell]], list[Cell]]:
    """Blocks of an earlier plan that are still whole and not begun, and the cells of none.

    So a run that was stopped ends with the same bits, whatever was measured since.
    """
    blocks: dict[str, list[Cell]] = {}
    for cell in new:
        blocks.setdefault(history.planned.get(cell.id, ""), []).append(cell)
    whole = [
        part
        for name, part in blocks.items()
        if name == digest(canonical(tuple(cell.id for cell in part)), 8)
    ]
    kept = {cell.id for part in whole for cell in part}
    return whole, [cell for cell in new if cell.id not in kept]


def _resumed(arm: ArmPlan, block: str, cells: Sequence[Cell], history: History) -> Block:
    """The whole block as it began, also with cells that this scenario does not ask for.

    A store rebuilt from fragments does not know the seeds of those: the rest is another block.
    """
    inside = {cell: known.identity for cell, known in history.cells.items() if known.block == block}
    mine = [cell for cell in cells if inside.pop(cell.id, None) is not None]
    others = sorted((int(json.loads(text)["seed"]), cell) for cell, text in inside.items() if text)
    members = [*((cell.seed, cell.id) for cell in mine), *others]
    done = min(cell.done for cell in mine if cell.status == "incomplete")
    orders = [_block(mine[0].arm, arm, order, done) for order in (members, sorted(members))]
    return next((made for made in orders if made.id == block), orders[-1])
