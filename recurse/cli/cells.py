"""A cell explained: its identity, state and changes, and the program that computed its numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from recurse.cli import console
from recurse.planning.blocks import Cell
from recurse.planning.plan import Plan
from recurse.planning.planner import plan
from recurse.planning.words import ranges
from recurse.reading.problems import Problems, RecurseError
from recurse.reading.yamlfile import dump
from recurse.running.run import history
from recurse.scenario.identity import difference
from recurse.scenario.scenario import Scenario, load
from recurse.scenario.shipped import resolve

if TYPE_CHECKING:
    from recurse.store.reader import Store

_MOST = 8  # cells explained at once


@dataclass(frozen=True)
class Why:
    """A cell explained."""

    cell: str
    scenario: str
    arm: str
    backend: str
    seed: int
    status: str
    reason: str
    compared: str
    """The stored cell that it is compared with; empty if there is none."""
    differences: tuple[str, ...]
    identity: Mapping[str, Any]
    numerics: tuple[tuple[str, Mapping[str, str]], ...]
    """(generations, class): equal bits are promised within one class only."""

    def data(self) -> dict[str, Any]:
        """The same as plain data."""
        return asdict(self)

    def text(self) -> str:
        """The same for people."""
        lines = [
            f"cell {self.cell}",
            f"  {self.arm} on {self.backend}, seed {self.seed}, of {self.scenario}",
            f"  {self.status}: {self.reason}",
        ]
        if self.compared:
            lines.append(f"differs from the stored cell {self.compared[:12]} in")
            lines += [f"  {change}" for change in self.differences]
        elif self.status != "new":
            lines.append("differs from what is stored in nothing")
        lines.append("identity (a change of any of these is another cell)")
        lines += [f"  {line}" for line in dump(dict(self.identity)).splitlines()]
        for generations, detail in self.numerics:
            text = ", ".join(f"{key} {value}" for key, value in sorted(detail.items()))
            lines.append(f"generations {generations} were computed with {text}")
        return "\n".join(lines)


def why(store: Store, cell: str, spec: str = "", sets: Sequence[str] = ()) -> list[Why]:
    """Explain the cells that ``cell`` names: the start of an id, ``ARM@SEED`` or
    ``SCENARIO/ARM/SEED``.

    Without a spec, every stored scenario is planned again as it was last run.

    Raises:
        RecurseError: there is no such cell, or too many.
        Problems: the spec is refused.
    """
    plans = [_planned(store, load(resolve([spec])[0], sets))] if spec else _stored(store, sets)
    found = [(made, one) for made in plans for one in made.cells if _is_meant(made, one, cell)]
    if not found:
        where = f"in {spec}" if spec else f"in the scenarios of {store.root}"
        raise RecurseError(f"no cell '{cell}' {where}", hint="'recurse ls SCENARIO' lists them")
    if len(found) > _MOST:
        raise RecurseError(f"'{cell}' names {len(found)} cells", hint="give more of the id")
    return [_explained(store, made, one) for made, one in found]


def _planned(store: Store, scenario: Scenario) -> Plan:
    return plan(scenario, partial(history, store, scenario.name))


def _stored(store: Store, sets: Sequence[str]) -> list[Plan]:
    plans = []
    for name in store.scenarios():
        try:
            plans.append(_planned(store, load(store.scenario(name)["spec"], sets)))
        except Problems as refused:
            text = f"scenario '{name}' can no longer be planned: {refused.problems[0].sentence}"
            console.say(text)
    return plans


def _is_meant(made: Plan, cell: Cell, text: str) -> bool:
    label, at, seed = text.rpartition("@")
    parts = text.split("/")
    if not at and len(parts) > 2 and parts[0] == made.scenario.name:
        label, at, seed = "/".join(parts[1:-1]), "/", parts[-1]
    if at:
        arm = made.arms[cell.arm]
        return str(cell.seed) == seed and label in (arm.label, f"{arm.label} on {arm.arm.backend}")
    return cell.id.startswith(text.lower())


def _explained(store: Store, made: Plan, cell: Cell) -> Why:
    arm = made.arms[cell.arm]
    identity = json.loads(cell.identity)
    before = store.places(made.scenario.name).get((arm.label, arm.arm.backend, cell.seed))
    known = store.history([before] if before else [])
    changes: list[str] = []
    if before and before != cell.id and before in known and known[before].identity:
        changes = difference(json.loads(known[before].identity), identity)
    return Why(
        cell.id,
        made.scenario.name,
        arm.label,
        arm.arm.backend,
        cell.seed,
        cell.status,
        cell.reason,
        str(before) if changes else "",
        tuple(changes),
        identity,
        _numerics(store, cell.id),
    )


def _numerics(store: Store, cell: str) -> tuple[tuple[str, Mapping[str, str]], ...]:
    frame = store.sql(
        "SELECT g.generation, n.detail FROM generations AS g "
        "JOIN numerics AS n ON g.numerics = n.id "
        f"WHERE g.cell = '{cell}' ORDER BY g.generation"
    )
    classes: dict[str, list[int]] = {}
    for row in frame.to_dicts():
        classes.setdefault(row["detail"], []).append(row["generation"])
    return tuple((ranges(numbers), json.loads(detail)) for detail, numbers in classes.items())
