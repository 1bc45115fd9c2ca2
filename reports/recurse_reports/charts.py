"""The look of figures: palette, axes and type, as Vega-Lite.

Text and rules are ``currentColor`` on a transparent ground, so that one figure serves a light and a
dark page. Series colours are Okabe and Ito's, three of them darkened so that each has a contrast of
3 : 1 on white and on near-black; colour is never alone: arms have markers, theory has dashes.
Charts are written as plain data: a library that checks each of their parts takes most of the time.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from recurse.reading.problems import RecurseError

_TIED = "\u00a0"
Lines = str | list[str]
"""A line of text, or several."""
WIDTH = 700
LETTER = 6.3  # pixels of a letter of a panel's title, on average and with some room
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
COLOURS = ("#d55e00", "#0072b2", "#009e73", "#c46a9b", "#b07a00", "#3a8fc4", "#7f7f7f")
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "stroke")
DASHES: Mapping[str, list[float]] = {
    "exact": [5, 3],
    "bound": [1.5, 3],
    "asymptotic": [8, 3, 1.5, 3],
}
ON_DARK = {
    "#d55e00": "#f0762a",
    "#0072b2": "#4fa6e0",
    "#009e73": "#2fbf93",
    "#c46a9b": "#df8fb9",
    "#b07a00": "#e0a526",
    "#3a8fc4": "#7cc4f2",
    "#7f7f7f": "#a5a5a5",
}
"""The same colours where the page is dark; a style sheet swaps them."""
POOLS = {
    "real": "#0072b2",
    "fresh real": "#7fb8d8",
    "synthetic, from the last model": "#d55e00",
    "synthetic, from earlier models": "#eeb07f",
}
Chart = dict[str, Any]
FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif"
INK = "currentColor"
LABEL = "format(datum.value, abs(datum.value) < 0.001 && datum.value != 0 ? '~e' : '~g')"
MOST = 200
"""Generations drawn; of more, evenly chosen ones."""

_AXIS = {
    "domain": False,
    "ticks": False,
    "gridColor": INK,
    "gridOpacity": 0.12,
    "gridWidth": 0.7,
    "labelColor": INK,
    "labelOpacity": 0.72,
    "labelFont": FONT,
    "labelFontSize": 11,
    "labelPadding": 6,
    "titleColor": INK,
    "titleOpacity": 0.72,
    "titleFont": FONT,
    "titleFontSize": 11,
    "titleFontWeight": "normal",
    "titlePadding": 8,
}
CONFIG: dict[str, Any] = {
    "background": "transparent",
    "padding": {"left": 0, "right": 4, "top": 2, "bottom": 2},
    "font": FONT,
    "aria": False,
    "view": {"stroke": None},
    "axis": _AXIS,
    "axisX": {"grid": False, "labelFlush": False},
    "legend": {
        "labelColor": INK,
        "labelFont": FONT,
        "labelFontSize": 11.5,
        "titleColor": INK,
        "titleFont": FONT,
        "symbolStrokeWidth": 2,
        "symbolSize": 90,
        "labelLimit": 320,
        "columnPadding": 16,
    },
    "title": {
        "color": INK,
        "font": FONT,
        "fontSize": 13,
        "fontWeight": 600,
        "subtitleColor": INK,
        "subtitleFont": FONT,
        "subtitleFontSize": 11,
        "subtitlePadding": 4,
        "anchor": "start",
        "frame": "bounds",
        "offset": 12,
    },
    "header": {"labelColor": INK, "labelFont": FONT, "titleColor": INK},
}


class MissingLibrary(RecurseError):
    """Figures that can be explored need a library that is not installed."""


def missing(error: ImportError) -> MissingLibrary:
    """The error that names the package to install."""
    return MissingLibrary(
        f"interactive figures need vl-convert ({error})",
        hint="pip install 'recurse-sim[reports]'",
    )


def layer(
    mark: str, values: Sequence[Mapping[str, Any]], encoding: Mapping[str, Any], **look: Any
) -> Chart:
    """Rows of data drawn as marks of one kind."""
    return {"data": {"values": values}, "mark": {"type": mark, **look}, "encoding": encoding}


def number(field: str, **options: Any) -> Chart:
    """A column of numbers as a channel of a layer."""
    return {"field": field, "type": "quantitative", **options}


def name(field: str, **options: Any) -> Chart:
    """A column of names as a channel of a layer."""
    return {"field": field, "type": "nominal", **options}


def headings(names: Sequence[str], width: float) -> list[Lines]:
    """Titles of panels as wide as these, in two lines at most; all have as many.

    A title wider than its panel would push the next one out of its column. Lines end at commas,
    where an arm's name has its parts.
    """
    letters, lines = int(width / LETTER), []
    for name in names:
        parts = ", ".join(part.replace(" ", _TIED) for part in name.split(", "))
        wrapped = textwrap.wrap(parts, letters, max_lines=2, placeholder=" …") or [""]
        lines.append([line.replace(_TIED, " ") for line in wrapped])
    most = max(map(len, lines), default=1)
    return [[""] * (most - len(some)) + some for some in lines] if most > 1 else list(names)


def layered(
    layers: Sequence[Chart], width: float, height: float, title: Lines = "", **more: Any
) -> Chart:
    """Layers over one another in a panel with its title."""
    heading: Chart = {"text": title, "fontSize": 11.5, "offset": 8, "frame": "group"}
    heading.update(limit=round(width), **more)
    panel = {"layer": list(layers), "width": round(width, 1), "height": round(height, 1)}
    return {**panel, "title": heading} if title else panel


def tiled(panels: Sequence[Chart], columns: int, gap: int) -> Chart:
    """Panels in rows, so many pixels apart: labels at an axis do not push the next panel."""
    parts = [panels[i : i + columns] for i in range(0, len(panels), columns)]
    rows = [{"hconcat": list(part), "spacing": gap, "bounds": "flush"} for part in parts]
    return {"vconcat": rows, "spacing": 16}


def finished(chart: Chart, title: str, subtitle: str = "") -> dict[str, Any]:
    """A chart as a Vega-Lite specification with the common look."""
    heading = {"text": title, **({"subtitle": subtitle} if subtitle else {})}
    return {"$schema": SCHEMA, "config": CONFIG, "title": heading, **chart}


def dark_rules(used: str | None = None) -> str:
    """The style rules that brighten the colours of series; only those in ``used`` if given."""
    return "".join(
        f'[fill="{light}"]{{fill:{dark}}}[stroke="{light}"]{{stroke:{dark}}}'
        for light, dark in ON_DARK.items()
        if used is None or light in used
    )


def chosen(generations: npt.NDArray[np.int64], most: int = MOST) -> npt.NDArray[np.int64]:
    """At most that many generations, evenly spaced, with the first and the last."""
    if len(generations) <= most:
        return generations
    places = np.unique(np.linspace(0, len(generations) - 1, most).round().astype(np.int64))
    found: npt.NDArray[np.int64] = generations[places]
    return found


def milestones(last: int, most: int = 10) -> list[int]:
    """Generations worth a line in a table: 0, 1, 2, 5, 10, 20, 50, ... and the last one."""
    if last < most:
        return list(range(last + 1))
    steps = [m * 10**e for e in range(8) for m in (1, 2, 5)]
    found = [0, *(step for step in steps if step < last)]
    if len(found) > 1 and last < 1.3 * found[-1]:
        found.pop()
    return [*found, last]


class Scale:
    """The vertical axis of a figure: linear or logarithmic, its domain and its ticks."""

    def __init__(self, values: Sequence[float] | npt.NDArray[np.float64]) -> None:
        """Logarithmic where all values are positive and span more than a factor 25."""
        found = np.asarray(values, float)
        found = found[np.isfinite(found)]
        low, high = (float(found.min()), float(found.max())) if len(found) else (0.0, 1.0)
        self.log = low > 0 and high / low > 25
        self.low: float
        self.high: float
        if self.log:
            pad = (high / low) ** 0.04
            self.low, self.high = low / pad, high * pad
        else:
            if low > 0 and low < 0.4 * high:
                low = 0.0
            span = (high - low) or abs(high) or 1.0
            self.low = low if low == 0 else low - 0.05 * span
            self.high = high + 0.05 * span

    def vega(self) -> Chart:
        """The scale in the words of Vega-Lite."""
        kind = "log" if self.log else "linear"
        return {"type": kind, "domain": [self.low, self.high], "nice": False, "zero": False}

    def axis(self) -> Chart:
        """The axis in the words of Vega-Lite, with ticks at 1, 2 and 5 if there are few decades."""
        if not self.log:
            return {"title": None, "tickCount": 5, "labelExpr": LABEL}
        span = math.log10(self.high / self.low)
        steps = (1,) if span > 3 else (1, 3) if span > 2 else (1, 2, 5)
        every = max(1, round(span / 7))
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        ticks = [m * 10.0**e for e in decades if e % every == 0 for m in steps]
        shown = [float(f"{t:.3g}") for t in ticks if self.low <= t <= self.high]
        return {"title": None, "values": shown, "labelExpr": LABEL}

    def place(self, value: float, height: float) -> float:
        """Pixels from the top."""
        part = (value - self.low) / (self.high - self.low)
        if self.log:
            part = math.log(value / self.low) / math.log(self.high / self.low)
        return height * (1 - part)

    def clip(self, value: float) -> float:
        """The value, moved into the domain."""
        return min(max(value, self.low), self.high)


def apart(places: Sequence[float], height: float, gap: float = 14) -> list[float]:
    """Positions of labels, moved apart so that none covers another, near where they were."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    found = [min(max(places[i], 0), height) for i in order]
    for _ in range(200):
        moved = False
        for i in range(len(found) - 1):
            short = gap - (found[i + 1] - found[i])
            if short > 1e-6:
                found[i] -= short / 2
                found[i + 1] += short / 2
                moved = True
        if not moved:
            break
    shift = max(-found[0], 0.0) if found else 0.0
    result = [0.0] * len(places)
    for rank, i in enumerate(order):
        result[i] = found[rank] + shift
    return result
