"""The cost of the results: seconds of computing and of compiling, by arm and backend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from recurse_reports import charts, words
from recurse_reports.blocks import Data, Figure, Section, Table
from recurse_reports.charts import COLOURS, WIDTH
from recurse_reports.subject import Subject

ORDER = 70
LINES = 30
"""Arms drawn; the table has them all."""


@dataclass(frozen=True)
class Cost:
    """Seconds of one arm on one backend, and the replicate-generations that they gave."""

    arm: str
    backend: str
    seconds: float
    compiling: float
    done: int

    @property
    def pace(self) -> float:
        """Replicate-generations per second of computing."""
        return self.done / self.seconds if self.seconds > 0 else float("nan")


def section(subject: Subject) -> Section | None:
    """The seconds as bars, or None where none were recorded."""
    costs = _costs(subject)
    if not any(cost.seconds + cost.compiling > 0 for cost in costs):
        return None
    figure = Figure(
        "cost", "Seconds", _caption(costs), _chart(subject, costs), _data(subject, costs)
    )
    return Section("cost", "Cost", [figure])


def _costs(subject: Subject) -> list[Cost]:
    totals: dict[tuple[str, str], list[float]] = {}
    for row in subject.store.costs(subject.name).to_dicts():
        total = totals.setdefault((row["arm"], row["backend"]), [0.0, 0.0, 0.0])
        for place, column in enumerate(("seconds", "compile_seconds", "cells")):
            total[place] += row[column] or 0
    return [
        Cost(*place, totals[place][0], totals[place][1], int(totals[place][2]))
        for place in subject.places
        if place in totals
    ]


def _caption(costs: list[Cost]) -> str:
    seconds, compiling = sum(c.seconds for c in costs), sum(c.compiling for c in costs)
    done = sum(c.done for c in costs)
    text = f"{words.sentence(words.seconds(seconds))} of computing"
    if compiling > 0:
        text += f" and {words.seconds(compiling)} of compiling"
    text += f" for {words.count(done, 'replicate-generation')}"
    if seconds > 0:
        text += f", {words.number(done / seconds, 2)} per second of computing"
    return text + ". Seconds of all workers are added up."


def _data(subject: Subject, costs: list[Cost]) -> Data:
    head = (
        "arm",
        "backend",
        "computing (s)",
        "compiling (s)",
        "replicate-generations",
        "per second",
    )
    rows = [
        [
            subject.words[cost.arm],
            cost.backend,
            words.number(cost.seconds),
            words.number(cost.compiling),
            f"{cost.done:,}",
            words.number(cost.pace, 2),
        ]
        for cost in costs
    ]
    table = Table("Seconds by arm and backend", head, rows, (2, 3, 4, 5))
    full = [(c.arm, c.backend, c.seconds, c.compiling, c.done, c.pace) for c in costs]
    return Data(table, head, full)


def _chart(subject: Subject, costs: list[Cost]) -> dict[str, Any]:
    several = len(subject.backends) > 1
    values, order = [], []
    for cost in costs[:LINES]:
        name = subject.words[cost.arm] + (f", {cost.backend}" if several else "")
        order.append(name)
        parts = (("computing", 0.0, cost.seconds), ("compiling", cost.seconds, cost.compiling))
        for kind, start, length in parts:
            if length > 0:
                values.append({"name": name, "kind": kind, "low": start, "high": start + length})
    kinds = [kind for kind in ("computing", "compiling") if any(v["kind"] == kind for v in values)]
    legend = {"title": None, "orient": "top", "symbolType": "square", "offset": 6}
    colours = {"domain": ["computing", "compiling"], "range": [COLOURS[1], "#7fb8d8"]}
    axis = {"title": "seconds", "tickCount": 6, "grid": True, "format": "~g"}
    names = {"title": None, "grid": False, "labelFontSize": 11.5, "labelOpacity": 1}
    room = min(6.3 * max(map(len, order)) + 20, 240)
    encoding = {
        "y": charts.name("name", sort=order, axis={**names, "labelLimit": 220}),
        "x": charts.number("low", axis=axis, scale={"zero": True, "nice": True}),
        "x2": {"field": "high"},
        "color": charts.name(
            "kind", scale=colours, legend=legend if len(kinds) > 1 else None, sort=kinds
        ),
    }
    chart = charts.layer("bar", values, encoding, size=13)
    drawn = charts.layered([chart], WIDTH - room - 20, 25.0 * len(order))
    return charts.finished(drawn, "Seconds spent")
