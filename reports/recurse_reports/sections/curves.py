"""Each metric over the generations, by arm, with the spread of the seeds and theory beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recurse_reports import charts, words
from recurse_reports.blocks import Cell, Data, Figure, Prose, Section, Table
from recurse_reports.curveplot import FAINT, Series, grid, overlay
from recurse_reports.subject import Measure, Subject, TheoryLine

ORDER = 20
TOGETHER = 4
"""Arms that share a panel; more get a panel each."""
NAMED = 6
"""The most arms that a caption names; with more it names two."""
POINTS = 330
"""Generations drawn in all small panels together, for a file of some 50 KB."""
PANELS = 24
"""Small panels drawn; the data have all arms."""
COLUMNS = ("generation", "arm", "backend", "n", "mean", "se", "median", "q05", "q95")

Rows = dict[tuple[str, str], list[dict[str, Any]]]


def section(subject: Subject) -> Section | None:
    """A figure per metric, or None where nothing is measured."""
    found = [block for measure in subject.measures for block in _figures(subject, measure)]
    return Section("curves", "Curves", found) if found else None


def _figures(subject: Subject, measure: Measure) -> list[Figure] | list[Prose]:
    rows = _rows(subject, measure)
    if not rows:
        return []
    if (value := _constant(rows)) is not None:
        text = f"{words.sentence(measure.noun)}: {words.number(value)} in every model. No figure."
        return [Prose((text,))]
    theory = subject.theory(measure.kind)
    backends = [b for b in subject.backends if any(key[1] == b for key in rows)]
    agreement = subject.agreement(measure.kind)
    drawn = [[backend] for backend in backends]
    if agreement is None or agreement.alike:
        drawn = [backends]
    most = charts.MOST if len(subject.arms) <= TOGETHER else max(12, POINTS // len(subject.arms))
    panels = {group[0]: _panel(subject, rows, theory, group, most) for group in drawn}
    if max(map(len, panels.values())) > TOGETHER:
        # The first backend's file has the plain name, whether another has a figure or not.
        parts = [("" if b == backends[0] else b, {b: panel}) for b, panel in panels.items()]
    else:
        parts = [("", panels)]
    return [_figure(subject, measure, rows, part, name, len(panels) > 1) for name, part in parts]


def _figure(
    subject: Subject,
    measure: Measure,
    rows: Rows,
    panels: Mapping[str, Sequence[Series]],
    backend: str,
    several: bool,
) -> Figure:
    alone = len(panels) == 1
    multiples = alone and len(next(iter(panels.values()))) > TOGETHER
    title, subtitle = words.sentence(measure.label), _subtitle(panels, multiples)
    every = [series for panel in panels.values() for series in panel]
    if multiples:
        single = [(series.words, [series]) for series in every]
        extra = f", {next(iter(panels))}" if several else ""
        chart = grid(title + extra, subtitle, single[:PANELS], 3)
    elif alone:
        chart = overlay(title, subtitle, every)
    else:
        chart = grid(title, subtitle, list(panels.items()), min(len(panels), 2))
    name = words.slug(f"curves-{measure.kind}" + (f"-{backend}" if backend else ""))
    shown = {(s.arm, b) for b, panel in panels.items() for s in panel}
    caption = _caption(subject, measure, panels)
    mine = {key: value for key, value in rows.items() if key in shown or not (several and alone)}
    return Figure(name, title, caption, chart, _data(subject, measure, mine))


def _rows(subject: Subject, measure: Measure) -> Rows:
    """The stored rows of a metric, by arm and backend."""
    frame = subject.store.summary(subject.name)
    found: Rows = {}
    for row in frame.filter(frame["metric"] == measure.kind).to_dicts():
        found.setdefault((row["arm"], row["backend"]), []).append(row)
    return found


def _constant(rows: Rows) -> float | None:
    """The one value of all seeds, arms and generations; None if there are several."""
    ends = [row[name] for mine in rows.values() for row in mine for name in ("mean", "q05", "q95")]
    return float(ends[0]) if len(set(ends)) == 1 else None


def _panel(
    subject: Subject, rows: Rows, theory: Sequence[TheoryLine], backends: Sequence[str], most: int
) -> list[Series]:
    """Every arm, on the first of these backends that it ran on."""
    found = []
    for rank, arm in enumerate(subject.arms):
        mine = next((rows[arm, b] for b in backends if (arm, b) in rows), [])
        keep = set(charts.chosen(np.array([row["generation"] for row in mine]), most).tolist())
        lines = [line for line in theory if line.arm == arm]
        some = [row for row in mine if row["generation"] in keep]
        if some:
            found.append(Series(arm, subject.words[arm], rank, some, lines))
    return found


def _subtitle(panels: Mapping[str, Sequence[Series]], multiples: bool) -> str:
    every = [series for panel in panels.values() for series in panel]
    parts = ["line: mean"]
    if max(row["n"] for series in every for row in series.rows) > 1:
        parts.append("bands: 5 to 95% of seeds, and ±2 standard errors of the mean")
    kinds = {line.kind for series in every for line in series.theory}
    names = {
        "exact": "dashed: exact theory",
        "bound": "dotted: bound",
        "asymptotic": "dash-dot: limit",
    }
    parts += [text for kind, text in names.items() if kind in kinds]
    few = len(every) <= FAINT
    parts += ["faint: the other arms"] if multiples and few else []
    return "  ·  ".join(parts)


def _caption(subject: Subject, measure: Measure, panels: Mapping[str, Sequence[Series]]) -> str:
    """The caption: the value at the end of each line, and the paper of the theory."""
    backend, panel = next(iter(panels.items()))
    last = max(series.rows[-1]["generation"] for series in panel)
    ends = [
        (row["mean"], f"{series.words}: {words.spread(row['mean'], row['se'])}")
        for series in panel
        for row in [series.rows[-1]]
        if row["generation"] == last and np.isfinite(row["mean"])
    ]
    seeds = max(row["n"] for series in panel for row in series.rows)
    unit = f" {measure.unit}" if measure.unit else ""
    parts = [
        f"{words.sentence(measure.noun)} by generation, mean of {words.count(seeds, 'seed')}"
        + (f" ({backend})" if len(subject.backends) > 1 else "")
    ]
    what = "mean ± standard error" if seeds > 1 else "value"
    if len(ends) > NAMED:
        what, ends = f"{what}; the lowest and the highest", [min(ends), max(ends)]
    if ends:
        named = "; ".join(text for _, text in ends)
        parts.append(f"At generation {last} ({what}) {named}{unit}")
    parts += _undrawn(panel)
    if len(panel) > PANELS:
        parts.append(f"The first {PANELS} of {len(panel)} arms are drawn")
    parts += _agreement(subject, measure, panels)
    every = [line.cite for series in panel for line in series.theory]
    cites = dict.fromkeys(
        cite.strip() for text in every for cite in text.split(";") if cite.strip()
    )
    if cites:
        parts.append(f"Theory: {'; '.join(cites)}")
    return ". ".join(parts) + "."


def _undrawn(panel: Sequence[Series]) -> list[str]:
    """The lines that end or are missing: a mean over seeds is infinite as soon as one seed is."""
    first = {}
    for series in panel:
        lost = [row["generation"] for row in series.rows if not np.isfinite(row["mean"])]
        if lost:
            first[series.words] = f"{series.words} from generation {lost[0]} on"
    if not first:
        return []
    named = list(first.values())
    text = "; ".join(named) if len(named) <= NAMED else words.count(len(named), "arm")
    return [f"Not drawn, since the mean is not finite there: {text}"]


def _agreement(
    subject: Subject, measure: Measure, panels: Mapping[str, Sequence[Series]]
) -> list[str]:
    found = subject.agreement(measure.kind)
    if found is None:
        return []
    names = words.listed(subject.backends)
    if found.equal:
        to = f"to {words.number(found.relative, 1)} (relative) " if found.relative else ""
        return [f"{words.sentence(names)} agree {to}and are drawn once"]
    if found.alike:
        text = f"{words.sentence(names)} agree within the noise of the seeds"
        return [f"{text}; {next(iter(panels))} is drawn"]
    return [f"{words.sentence(names)} differ (adjusted p = {words.number(found.chance, 1)})"]


def _data(subject: Subject, measure: Measure, rows: Rows) -> Data:
    several = len(subject.backends) > 1
    ordered = {place: rows[place] for place in subject.places if place in rows}
    last = max(row["generation"] for found in ordered.values() for row in found)
    marks = set(charts.milestones(last))
    exact = {t.arm: t for t in reversed(subject.theory(measure.kind)) if t.kind == "exact"}
    head = ["arm", *(["backend"] if several else []), "generation", "seeds"]
    head += ["mean", "standard error", "5%", "95%", *(["exact theory"] if exact else [])]
    table = [
        [
            subject.words[arm],
            *([backend] if several else []),
            str(row["generation"]),
            str(row["n"]),
            words.number(row["mean"], 4),
            words.number(row["se"], 2),
            words.number(row["q05"]),
            words.number(row["q95"]),
            *([words.number(_expected(exact, arm, row["generation"]), 4)] if exact else []),
        ]
        for (arm, backend), found in ordered.items()
        for row in found
        if row["generation"] in marks
    ]
    full: list[Sequence[Cell]] = [
        [row[column] for column in COLUMNS] for found in ordered.values() for row in found
    ]
    first = 2 if several else 1
    caption = f"{words.sentence(measure.label)}: figures behind the curves, at some generations"
    return Data(Table(caption, head, table, tuple(range(first, len(head)))), COLUMNS, full)


def _expected(exact: Mapping[str, TheoryLine], arm: str, generation: int) -> float | None:
    return exact[arm].at(generation) if arm in exact else None
