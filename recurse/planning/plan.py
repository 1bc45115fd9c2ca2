"""The plan itself: what will run, how, and why, as frozen data."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from recurse.backend import backends
from recurse.planning.blocks import ArmPlan, Block, Cell, Status
from recurse.planning.words import in_words
from recurse.scenario.identity import canonical, digest
from recurse.scenario.scenario import Arm, LabelledArm, Scenario


@dataclass(frozen=True)
class Plan:
    """Cells and blocks of a scenario, as plain frozen data."""

    scenario: Scenario
    arms: tuple[ArmPlan, ...]
    cells: tuple[Cell, ...]
    blocks: tuple[Block, ...]
    missing: tuple[str, ...]
    """The packages that must be installed before the plan can run here."""

    def data(self) -> dict[str, Any]:
        """The plan as JSON-ready data; enough for a worker to run any block."""
        return {
            "scenario": self.scenario.name,
            "arms": [_arm_data(arm) for arm in self.arms],
            "cells": [{k: v for k, v in asdict(c).items() if k != "identity"} for c in self.cells],
            "blocks": [asdict(block) for block in self.blocks],
            "missing": list(self.missing),
        }

    @property
    def digest(self) -> str:
        """A hash of what was asked: the resolved arms and the cells, not their state."""
        return digest(canonical([cell.id for cell in self.cells]))

    def only(self, arms: Collection[str | int] | None) -> Plan:
        """The plan with work for some arms only, named by label or by place; None for all."""
        if arms is None:
            return self
        chosen = chosen_places(self.arms, arms)
        kept = tuple(block for block in self.blocks if block.arm in chosen)
        return replace(
            self, blocks=kept, missing=missing_packages(self.arms[i].arm for i in chosen)
        )

    def __str__(self) -> str:
        return in_words(self)

    def count(self, status: Status) -> int:
        """Cells of a status."""
        return sum(cell.status == status for cell in self.cells)


def chosen_places(
    arms: Sequence[ArmPlan | LabelledArm], wanted: Collection[str | int]
) -> list[int]:
    """The places of the arms that are named by label or by place."""
    return [i for i, arm in enumerate(arms) if i in wanted or arm.label in wanted]


def missing_packages(arms: Iterable[Arm]) -> tuple[str, ...]:
    absent = [backends()[name].missing() for name in sorted({arm.backend for arm in arms})]
    return tuple(text for text in absent if text)


def _arm_data(arm: ArmPlan) -> dict[str, Any]:
    return {
        "label": arm.label,
        "axes": dict(arm.axes),
        "lowering": arm.lowering,
        "because": arm.because,
        "cost": asdict(arm.cost),
        "width": {"replicates": arm.width.replicates, "because": arm.width.because},
        "notes": list(arm.notes),
        "arm": arm.arm.data(),
    }
