"""A metric over the generations: means, bands of the seeds, theory, names at the lines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recurse_reports import charts
from recurse_reports.charts import COLOURS, DASHES, INK, SHAPES, WIDTH, Scale
from recurse_reports.subject import TheoryLine
from recurse_reports.words import symbols

Row = Mapping[str, Any]
FAINT = 9
"""Panels up to which each shows the means of the others, a few points of each."""
GAP = 58
"""Pixels between two panels: the labels of the right one."""
LINE = 14.0
"""Pixels from one name at the lines to the next."""
MARKS = 8
"""Markers along a line."""


@dataclass(frozen=True)
class Series:
    """One arm in one panel. ``rows`` have generation, mean, se, q05, q95 and n."""

    arm: str
    words: str
    rank: int
    rows: Sequence[Row]
    theory: Sequence[TheoryLine] = ()

    @property
    def colour(self) -> str:
        """The colour of the arm, the same in every figure."""
        return COLOURS[self.rank % len(COLOURS)]

    @property
    def shape(self) -> str:
        """The shape of the arm's markers; arms of one colour differ in shape."""
        return SHAPES[(self.rank + self.rank // len(COLOURS)) % len(SHAPES)]


def scale_of(panels: Sequence[Sequence[Series]]) -> Scale:
    """One vertical scale for all panels: bands, means, exact theory and bounds."""
    values: list[float] = []
    for series in (series for panel in panels for series in panel):
        for row in series.rows:
            values += [row["mean"], row["q05"], row["q95"]] if row["n"] > 1 else [row["mean"]]
        lines = (line for line in series.theory if line.kind != "asymptotic")
        values += [float(v) for line in lines for v in line.values]
    return Scale(_tame(np.asarray(values, float)))


def overlay(title: str, subtitle: str, panel: Sequence[Series]) -> dict[str, Any]:
    """All arms in one panel, with their names at the right end of their lines."""
    scale = scale_of([panel])
    names = [series.words for series in panel] + [_name(t) for s in panel for t in _labelled(s)]
    room = min(8 + 6.4 * max(map(len, names)), 190)
    width, height = WIDTH - 62 - room, 300.0
    layers = [layer for series in panel for layer in _bands(series, scale)]
    layers += [layer for series in panel for layer in _lines(series, scale)]
    layers += [layer for series in panel for layer in _theory(series, scale)]
    layers += _names(panel, scale, width, height)
    chart = charts.layered(layers, width, height)
    return charts.finished(chart, title + (" (log scale)" if scale.log else ""), subtitle)


def grid(
    title: str, subtitle: str, panels: Sequence[tuple[str, Sequence[Series]]], columns: int
) -> dict[str, Any]:
    """Small multiples on one scale; each panel names its curves."""
    scale = scale_of([panel for _, panel in panels])
    width = (WIDTH - 62 - GAP * (columns - 1)) / columns
    height = max(min(width * 0.72, 210.0), 120.0)
    drawn = []
    names = charts.headings([name for name, _ in panels], width)
    for place, (_, panel) in enumerate(panels):
        layers = [x for series in panel for x in _bands(series, scale)]
        if len(panel) == 1 and len(panels) <= FAINT:
            layers += [
                _faint(s, scale, max(6, 100 // len(panels)))
                for _, other in panels
                for s in other
                if s is not panel[0]
            ]
        layers += [x for series in panel for x in _lines(series, scale, len(panel) > 1)]
        layers += [x for series in panel for x in _theory(series, scale)]
        if len(panel) > 1 and place == 0:
            layers += _key(panel, scale, height)
        drawn.append(charts.layered(layers, width, height, names[place]))
    chart = charts.tiled(drawn, columns, GAP)
    return charts.finished(chart, title + (" (log scale)" if scale.log else ""), subtitle)


def _bands(series: Series, scale: Scale) -> list[Any]:
    """5 to 95 % of the seeds, light; two standard errors to either side of the mean, darker."""
    rows = [row for row in series.rows if row["n"] > 1 and np.isfinite(row["se"] or np.nan)]
    if not rows:
        return []
    seeds = [(row["generation"], row["q05"], row["q95"]) for row in rows]
    errors = [(row["generation"], *_twice(row["mean"], row["se"], scale)) for row in rows]
    return [_band(seeds, series, scale, 0.14), _band(errors, series, scale, 0.30)]


def _twice(mean: float, error: float, scale: Scale) -> tuple[float, float]:
    """Two standard errors to either side; of the logarithm (delta method) on a log scale."""
    if scale.log and mean > 0:
        factor = math.exp(min(2 * error / mean, 50.0))
        return mean / factor, mean * factor
    return mean - 2 * error, mean + 2 * error


def _band(
    rows: Sequence[tuple[int, float, float]], series: Series, scale: Scale, opacity: float
) -> Any:
    values = [{"g": g, "low": scale.clip(low), "high": scale.clip(high)} for g, low, high in rows]
    encoding = {"x": _x(series), "y": _y("low", scale), "y2": {"field": "high"}}
    return charts.layer("area", _rounded(values), encoding, color=series.colour, opacity=opacity)


def _lines(series: Series, scale: Scale, marked: bool = True) -> list[Any]:
    rows = [row for row in series.rows if np.isfinite(row["mean"])]
    values = _rounded([{"g": row["generation"], "mean": scale.clip(row["mean"])} for row in rows])
    place = {"x": _x(series), "y": _y("mean", scale)}
    line = charts.layer(
        "line", values, place, color=series.colour, strokeWidth=2.1, strokeJoin="round"
    )
    if not marked:
        return [line]
    step = max(1, -(-len(values) // MARKS))
    some = values[::step] if step == 1 else values[(series.rank * step) // 3 % step :: step]
    tip = [charts.number("g", title="generation"), charts.number("mean", format=".4~g")]
    return [line, _marker(series, some, {**place, "tooltip": tip})]


def _faint(series: Series, scale: Scale, points: int) -> Any:
    """The mean of another panel's arm, to compare with."""
    rows = [row for row in series.rows if np.isfinite(row["mean"])]
    keep = set(charts.chosen(np.arange(len(rows)), points).tolist())
    some = [row for place, row in enumerate(rows) if place in keep]
    values = [{"g": row["generation"], "mean": scale.clip(row["mean"])} for row in some]
    place = {"x": _x(series), "y": _y("mean", scale)}
    return charts.layer("line", _rounded(values), place, color=INK, opacity=0.22, strokeWidth=1)


def _theory(series: Series, scale: Scale) -> list[Any]:
    found = []
    for curve in series.theory:
        keep = np.isin(curve.generations, charts.chosen(curve.generations, len(series.rows)))
        inside = keep & (curve.values >= scale.low) & (curve.values <= scale.high)
        pairs = zip(curve.generations[inside], curve.values[inside], strict=True)
        values = _rounded([{"g": int(g), "value": float(v)} for g, v in pairs])
        if len(values) < 2:
            continue
        ends = [values[0], values[-1]] if np.ptp(curve.values[inside]) == 0 else values
        place = {"x": _x(series), "y": _y("value", scale)}
        dash = DASHES.get(curve.kind, [2, 2])
        look = {"color": INK, "strokeWidth": 1.25, "strokeDash": dash, "opacity": 0.85}
        found.append(charts.layer("line", ends, place, **look))
    return found


def _names(panel: Sequence[Series], scale: Scale, width: float, height: float) -> list[Any]:
    """The name of each line at its end, moved apart where they would cover each other.

    Curves of theory have the colour of their arm; those of several arms that end in one place and
    have one name are named once.
    """
    labels: list[tuple[float, str, str, bool]] = []
    for series in panel:
        rows = [row for row in series.rows if np.isfinite(row["mean"])]
        if rows:
            y = scale.place(scale.clip(rows[-1]["mean"]), height)
            labels.append((y, series.words, series.colour, True))
        for curve in _labelled(series):
            value = float(curve.values[-1])
            if not scale.low <= value <= scale.high:
                continue
            y, name = scale.place(value, height), _name(curve)
            same = [k for k, one in enumerate(labels) if one[1] == name and abs(one[0] - y) < LINE]
            if same:
                labels[same[0]] = (labels[same[0]][0], name, INK, False)
            else:
                labels.append((y, name, series.colour if len(panel) > 1 else INK, False))
    places = charts.apart([label[0] for label in labels], height, LINE)
    return [
        _text(text, width + 8, y, colour, bold)
        for y, (_, text, colour, bold) in zip(places, labels, strict=True)
    ]


def _key(panel: Sequence[Series], scale: Scale, height: float) -> list[Any]:
    """Names inside a panel, in the corner that its lines leave free."""
    ends = [row["mean"] for series in panel for row in series.rows[: max(1, len(series.rows) // 2)]]
    middle = float(np.median([scale.place(scale.clip(v), height) for v in ends if np.isfinite(v)]))
    top = 10.0 if middle > height / 2 else height - 15.0 * len(panel)
    found: list[Any] = []
    for place, series in enumerate(panel):
        y = top + 15 * place
        found.append(_text(series.words, 20, y, series.colour, True))
        found.append(_marker(series, [{}], {"x": {"value": 10}, "y": {"value": y}}))
    return found


def _text(text: str, x: float, y: float, colour: str, bold: bool) -> Any:
    return charts.layer(
        "text",
        [{}],
        {"x": {"value": x}, "y": {"value": round(y, 1)}},
        align="left",
        baseline="middle",
        color=colour,
        fontSize=11.5 if bold else 11,
        fontWeight=600 if bold else "normal",
        opacity=1 if bold else 0.8,
        text=text,
        limit=200,
    )


def _marker(series: Series, values: Sequence[Row], encoding: Mapping[str, Any]) -> Any:
    filled = series.shape != "stroke"
    look = {"shape": series.shape, "size": 46, "color": series.colour, "filled": filled}
    return charts.layer("point", values, encoding, **look, opacity=1)


def _x(series: Series) -> Any:
    last = max([row["generation"] for row in series.rows], default=1)
    axis = {"title": "generation", "tickMinStep": 1, "format": "d", "tickCount": 6}
    return charts.number("g", scale={"domain": [0, max(last, 1)], "nice": False}, axis=axis)


def _y(field: str, scale: Scale) -> Any:
    return charts.number(field, scale=scale.vega(), axis=scale.axis())


def _labelled(series: Series) -> list[TheoryLine]:
    """Curves named at their end: exact ones run along the means and are named below the title."""
    return [curve for curve in series.theory if curve.kind != "exact"]


def _name(curve: TheoryLine) -> str:
    return symbols(curve.name) or curve.kind


def _rounded(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Six digits: more cannot be seen, and cost bytes."""
    return [
        {k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in row.items()}
        for row in rows
    ]


def _tame(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    finite = values[np.isfinite(values)]
    return finite if len(finite) else np.array([0.0, 1.0])
