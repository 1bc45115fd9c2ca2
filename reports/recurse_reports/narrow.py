"""The same chart for a narrow screen: panels one below the other, names of lines in a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from recurse_reports.charts import INK, Chart
from recurse_reports.panel import Panel

ROOM = 328.0
"""Pixels across: a phone of 360 without the margins of the page."""
NAMES = 130
"""Pixels of the name of a bar."""


def narrowed(chart: Mapping[str, Any]) -> Chart:
    """The chart in `ROOM` pixels; text keeps its size.

    Names to the right of a panel become ``key``: (name, colour), which Vega-Lite does not know.
    """
    if "vconcat" not in chart:
        panel, key = _fitted({name: part for name, part in chart.items() if name != "title"})
        return {**panel, "title": chart.get("title", {}), "key": key}
    panels = [_fitted(panel)[0] for row in chart["vconcat"] for panel in row["hconcat"]]
    return {**chart, "vconcat": [{"hconcat": [panel]} for panel in panels]}


def _fitted(panel: Mapping[str, Any]) -> tuple[Chart, list[tuple[str, str]]]:
    """A panel without the names beside it, as wide as its labels allow; and those names."""
    layers: Sequence[Chart] = panel["layer"]
    beside = [layer for layer in layers if _across(layer) > panel["width"]]
    bare = [_cut(layer) for layer in layers if layer not in beside]
    trial = Panel({**panel, "layer": bare, "width": ROOM})
    width = round(ROOM - trial.left - trial.right, 1)
    part = min(width / panel["width"], 1.0)
    found = {**panel, "width": width, "layer": [_thinner(layer, part) for layer in bare]}
    if "title" in panel:
        found["title"] = {**panel["title"], "limit": round(width)}
    return found, _key([layer["mark"] for layer in beside])


def _across(layer: Chart) -> float:
    """The pixels at which a text begins; 0 for marks that follow a scale."""
    place = layer["encoding"].get("x", {})
    return float(place.get("value", 0.0)) if layer["mark"]["type"] == "text" else 0.0


def _cut(layer: Chart) -> Chart:
    """The layer with shorter names of bars."""
    axis = layer["encoding"].get("y", {}).get("axis")
    if not axis or "labelLimit" not in axis:
        return layer
    along = {**layer["encoding"]["y"], "axis": {**axis, "labelLimit": NAMES}}
    return {**layer, "encoding": {**layer["encoding"], "y": along}}


def _thinner(layer: Chart, part: float) -> Chart:
    """The layer with upright bars thinner by a factor, so that they stay apart."""
    if layer["mark"]["type"] != "bar" or "y2" not in layer["encoding"]:
        return layer
    return {**layer, "mark": {**layer["mark"], "size": layer["mark"]["size"] * part}}


def _key(marks: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Each name once, arms before theory; a name of several arms has the colour of the text."""
    found: dict[str, str] = {}
    for mark in sorted(marks, key=lambda mark: mark.get("fontWeight") != 600):
        name, colour = mark["text"], mark["color"]
        found[name] = colour if found.get(name, colour) == colour else INK
    return list(found.items())
