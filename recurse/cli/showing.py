"""A spec as it is resolved, and the results of a stored scenario."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from recurse.scenario.scenario import ARM_FIELDS, Scenario, load
from recurse.scenario.shipped import SUFFIXES, resolve, shipped

if TYPE_CHECKING:
    from recurse.store.reader import Store


@dataclass(frozen=True)
class Results:
    """The stored results of a scenario at its first and last generation."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    claims: tuple[Any, ...]

    def data(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "title": self.title,
            "results": [dict(zip(self.header, row, strict=True)) for row in self.rows],
            "claims": [vars(claim) for claim in self.claims],
        }


def is_spec(name: str, store: str, sets: Sequence[str]) -> bool:
    """True if a spec file is meant; a stored scenario goes before a shipped spec of that name."""
    path = Path(name)
    if path.is_file() or path.suffix in SUFFIXES or sets:
        return True
    if name not in shipped():
        return False
    if not (Path(store) / "snapshots").is_dir():
        return True
    from recurse.store.reader import Store

    with Store(store) as opened:
        return name not in opened.scenarios()


def resolved(name: str, sets: Sequence[str], defaults: bool) -> dict[str, Any]:
    """A spec with what it extends and ``--set`` applied, every kind written out.

    Raises:
        Problems: everything that is wrong with the spec.
    """
    scenario = load(resolve([name])[0], sets)
    if not defaults:
        return dict(scenario.document.data) if scenario.document else {}
    found = scenario.model_dump(mode="json", by_alias=True, exclude_none=True)
    axes = {axis.split(".")[0] for axis in scenario.matrix}
    filled = {k: v for k, v in found.items() if v not in ({}, [], "")}
    for field in ARM_FIELDS:  # what the arms agree on, such as the default corrector
        values = [labelled.arm.data()[field] for labelled in scenario.arms]
        if field not in axes and all(value == values[0] for value in values):
            filled[field] = values[0]
    return ordered(filled)


def ordered(spec: dict[str, Any]) -> dict[str, Any]:
    """A spec with its keys in the order in which people write them, kinds first."""
    order = {name: place for place, name in enumerate(Scenario.model_fields)}
    keys = sorted(spec, key=lambda key: order.get(key, len(order)))
    return {key: _kind_first(spec[key]) for key in keys}


def _kind_first(value: Any) -> Any:
    if isinstance(value, list):
        return [_kind_first(item) for item in value]
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key != "kind")
        return {key: _kind_first(value[key]) for key in keys}
    return value


def results(store: Store, name: str) -> Results:
    """The means of a stored scenario, first and last generation side by side.

    Raises:
        StoreMissing: the store has no such scenario.
    """
    about = store.scenario(name)
    frame = store.summary(name).to_dicts()
    rows = []
    seen: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in frame:
        seen.setdefault((row["arm"], row["backend"], row["metric"]), []).append(row)
    for (arm, backend, metric), series in seen.items():
        first, last = series[0], series[-1]
        rows.append(
            (
                arm,
                backend,
                metric,
                first["mean"],
                last["generation"],
                last["mean"],
                last["se"],
                last["n"],
            )
        )
    header = ("arm", "backend", "metric", "at 0", "generation", "mean", "se", "seeds")
    claims = tuple(SimpleNamespace(**row) for row in store.claims(name).to_dicts())
    return Results(str(about["title"] or ""), header, tuple(rows), claims)
