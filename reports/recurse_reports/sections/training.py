"""The training data of each generation, from the schedule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recurse_reports import charts, words
from recurse_reports.blocks import Data, Figure, Section, Table
from recurse_reports.charts import POOLS, WIDTH
from recurse_reports.subject import Subject

ORDER = 40
GAP = 50
"""Pixels between two panels: the labels of the right one."""
PANELS = 6
"""Compositions drawn; the table has all schedules."""
LINES = 12
"""Rows of the table above which it is folded away."""
DRAWN = 80
"""Generations drawn in a panel."""
BARS = 25
"""Generations up to which there is a bar for each; more become a stepped area."""

Rows = list[dict[str, Any]]
Schedule = dict[int, Rows]


def section(subject: Subject) -> Section | None:
    """The share of each pool over the generations, and some rows in words."""
    schedules = _schedules(subject)
    if not schedules:
        return None
    head = ("arm", "generation", "trained on", "samples")
    lines = [row for arms, schedule in schedules for row in _printed(subject, arms, schedule)]
    caption = "The schedule: what generations 0, 1, 2 and the last one were fitted on"
    folded = "The schedule of every arm" if len(lines) > LINES else ""
    table = Table(caption, head, lines, (1, 3), folded=folded)
    full: list[tuple[str, int, str, float]] = [
        (arms[0], generation, pool, count)
        for arms, schedule in schedules
        for generation, rows in schedule.items()
        for pool, count in shares(generation, rows).items()
    ]
    data = Data(table, ("arm", "generation", "pool", "samples"), full)
    figure = Figure(
        "training",
        "Share of samples per fit",
        _caption(schedules),
        _chart(subject, schedules),
        data,
    )
    return Section("training", "What each generation was trained on", [figure, table])


def shares(generation: int, rows: Rows) -> dict[str, float]:
    """The samples that a fit sees by kind of pool; with a budget, on average."""
    found = dict.fromkeys(POOLS, 0.0)
    for row in rows:
        pools = row["until"] - row["born"] + 1
        if row["pool"] == "real":
            found["real"] += row["take"]
        elif row["pool"] == "fresh":
            found["fresh real"] += row["take"] * pools
        else:
            newest = row["take"] if row["until"] == generation else 0
            found["synthetic, from the last model"] += newest
            found["synthetic, from earlier models"] += row["take"] * pools - newest
    total = sum(found.values())
    budget = rows[0]["budget"]
    factor = budget / total if budget is not None and total else 1.0
    return {pool: count * factor for pool, count in found.items() if count}


def printed(rows: Rows) -> str:
    """A row in words: ``100 real + 100 from each of synthetic[1] to synthetic[9]``."""
    parts = []
    for row in rows:
        weight = "" if row["weight"] == 1.0 else f" (weight {words.number(row['weight'])})"
        name, born, until = row["pool"], row["born"], row["until"]
        if name == "real":
            text = f"{row['take']:,} real"
        elif born == until:
            text = f"{row['take']:,} {name}[{born}]"
        else:
            text = f"{row['take']:,} from each of {name}[{born}] to {name}[{until}]"
        parts.append(text + weight)
    text = " + ".join(parts)
    if rows[0]["budget"] is not None:
        how = "with" if rows[0]["replacement"] else "without"
        text = f"{rows[0]['budget']:,} drawn {how} replacement from {text}"
    return text


def _schedules(subject: Subject) -> list[tuple[list[str], Schedule]]:
    """Schedules with the arms that share them, in the order of the plan."""
    by_arm: dict[str, Schedule] = {}
    for row in subject.store.schedule(subject.name).to_dicts():
        by_arm.setdefault(row["arm"], {}).setdefault(row["generation"], []).append(row)
    found: dict[str, tuple[list[str], Schedule]] = {}
    for arm in (arm for arm in subject.arms if arm in by_arm):
        key = repr([[_bare(row) for row in rows] for rows in by_arm[arm].values()])
        found.setdefault(key, ([], by_arm[arm]))[0].append(arm)
    return list(found.values())


def _bare(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(value for key, value in row.items() if key != "arm")


def _printed(subject: Subject, arms: Sequence[str], schedule: Schedule) -> list[list[str]]:
    last = max(schedule)
    wanted = sorted({0, 1, 2, last} & set(schedule))
    names = words.listed([subject.words[arm] for arm in arms])
    return [
        [
            names,
            str(generation),
            printed(schedule[generation]),
            _samples(shares(generation, schedule[generation])),
        ]
        for generation in wanted
    ]


def _stacks(schedule: Schedule) -> dict[int, dict[str, float]]:
    keep = charts.chosen(np.array(sorted(schedule)), DRAWN)
    return {int(g): shares(int(g), schedule[int(g)]) for g in keep}


def _compositions(
    schedules: Sequence[tuple[list[str], Schedule]],
) -> list[list[tuple[list[str], Schedule]]]:
    """Schedules that differ in their sizes only, together."""
    found: dict[str, list[tuple[list[str], Schedule]]] = {}
    for arms, schedule in schedules:
        key = repr(_stacked(_stacks(schedule), list(POOLS)))
        found.setdefault(key, []).append((arms, schedule))
    return list(found.values())


def _common(names: Sequence[str]) -> str:
    """The common part of the names of arms, or all names."""
    parts = [name.split(", ") for name in names]
    shared = [part for part in parts[0] if all(part in other for other in parts)]
    return ", ".join(shared) if shared else words.listed(names)


def _size(stacks: Mapping[int, Mapping[str, float]]) -> str:
    first, final = _samples(stacks[min(stacks)]), _samples(stacks[max(stacks)])
    return f"{final} samples" if first == final else f"{first} to {final} samples"


def _samples(stack: Mapping[str, float]) -> str:
    return f"{round(sum(stack.values())):,}"


def _caption(schedules: Sequence[tuple[list[str], Schedule]]) -> str:
    parts = [
        "Share of each pool in the samples that a fit sees; how many it sees is in the headings"
    ]
    drawn = _compositions(schedules)
    if len(drawn) < len(schedules):
        parts.append("Arms that differ in their sizes only share a panel")
    if len(drawn) > PANELS:
        parts.append(f"The first {PANELS} of {len(drawn)} are drawn")
    rows = [row for _, schedule in schedules for found in schedule.values() for row in found]
    if any(row["budget"] is not None for row in rows):
        parts.append("Where a fit sees a subsample, the average share is drawn")
    if any(row["weight"] != 1.0 for row in rows):
        parts.append("Samples are counted without their weights")
    return ". ".join(parts) + "."


def _chart(subject: Subject, schedules: Sequence[tuple[list[str], Schedule]]) -> charts.Chart:
    present: set[str] = set()
    series = []
    for members in _compositions(schedules)[:PANELS]:
        names = [subject.words[arm] for arms, _ in members for arm in arms]
        stacks = [_stacks(schedule) for _, schedule in members]
        present |= {pool for stack in stacks[0].values() for pool in stack}
        series.append((_common(names), stacks[0], " or ".join(map(_size, stacks))))
    pools = [pool for pool in POOLS if pool in present]
    columns = min(len(series), 3)
    width = (WIDTH - 62 - GAP * (columns - 1)) / columns
    titles = charts.headings([name for name, _, _ in series], width)
    panels = [
        _panel(name, stacks, pools, width, size)
        for name, (_, stacks, size) in zip(titles, series, strict=True)
    ]
    return charts.finished(charts.tiled(panels, columns, GAP), "Share of samples per fit")


def _panel(
    name: charts.Lines,
    stacks: Mapping[int, Mapping[str, float]],
    pools: Sequence[str],
    width: float,
    size: str,
) -> charts.Chart:
    values = _stacked(stacks, pools)
    colour = charts.name(
        "pool",
        sort=list(pools),
        scale={"domain": list(pools), "range": [POOLS[pool] for pool in pools]},
        legend={"title": None, "orient": "top", "symbolType": "square", "offset": 10},
    )
    last = max(stacks)
    axis = {"title": "generation", "tickMinStep": 1, "format": "d", "tickCount": 6, "grid": False}
    bars = last <= BARS
    domain = [-0.6, last + 0.6] if bars else [0, last]
    percent = {"title": None, "values": [0, 0.25, 0.5, 0.75, 1], "format": ".0%"}
    encoding = {
        "x": charts.number("g", scale={"domain": domain, "nice": False}, axis=axis),
        "y": charts.number("low", scale={"domain": [0, 1], "nice": False}, axis=percent),
        "y2": {"field": "high"},
        "color": colour,
    }
    if bars:
        thickness = min(max(0.72 * width / (last + 1.2), 2.0), 26.0)
        drawn = charts.layer("bar", values, encoding, size=thickness, opacity=0.9)
    else:
        drawn = charts.layer("area", values, encoding, interpolate="step", opacity=0.9)
    return charts.layered([drawn], width, min(max(width * 0.62, 110), 170), name, subtitle=size)


def _stacked(
    stacks: Mapping[int, Mapping[str, float]], pools: Sequence[str]
) -> list[dict[str, Any]]:
    """The ends of each pool in the stack of its generation, in shares of the stack."""
    values: list[dict[str, Any]] = []
    for generation, stack in stacks.items():
        level, total = 0.0, sum(stack.values()) or 1.0
        for pool in pools:
            start, level = level, level + stack.get(pool, 0.0) / total
            edges = {"low": round(start, 5), "high": round(level, 5)}
            values.append({"g": generation, "pool": pool, **edges})
    return values
