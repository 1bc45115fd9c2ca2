"""Figures on a phone: within its width, text of 11 pixels or more, every name and axis there."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import recurse_reports
from recurse_reports import svg
from recurse_reports.curveplot import Series, grid, overlay
from recurse_reports.narrow import ROOM, narrowed
from recurse_reports.panel import Panel
from recurse_reports.subject import TheoryLine

from recurse.store import Store

SVG = "{http://www.w3.org/2000/svg}"


def series(arm: str, rank: int, theory: tuple[TheoryLine, ...] = ()) -> Series:
    rows = [
        {"generation": g, "mean": 1.0 + rank + g, "se": 0.1, "q05": 0.5, "q95": 9.0, "n": 20}
        for g in range(7)
    ]
    return Series(arm, arm, rank, rows, theory)


def texts(drawn: str) -> list[str]:
    return [one.text or "" for one in ElementTree.fromstring(drawn).iter(f"{SVG}text")]


def width(drawn: str) -> float:
    return float(ElementTree.fromstring(drawn).get("width") or "nan")


def test_names_beside_a_panel_go_into_the_key_with_their_colour() -> None:
    bound = TheoryLine("replace", "bound", "upper bound pi^2/6", "", np.arange(7), np.full(7, 3.0))
    panel = [series("replace", 0, (bound,)), series("a much longer name of an arm", 1)]
    chart = overlay("A title that is far too long for the screen of a telephone", "", panel)
    found = narrowed(chart)
    assert [name for name, _ in found["key"]] == [
        "replace",
        "a much longer name of an arm",
        "upper bound π²/6",
    ]
    drawn = svg.draw(found, ROOM)
    assert width(drawn) <= ROOM + 8 < width(svg.draw(chart))
    assert {"replace", "a much longer name of an arm", "upper bound π²/6"} <= set(texts(drawn))
    assert "of a telephone" in " ".join(texts(drawn))


def test_every_facet_has_its_own_axes_on_any_screen() -> None:
    panels = [(f"arm {k}", [series(f"arm {k}", k)]) for k in range(5)]
    wide = grid("Risk", "", panels, 3)
    for chart, rows in ((wide, 2), (narrowed(wide), 5)):
        drawn = svg.draw(chart, ROOM)
        assert len(chart["vconcat"]) == rows
        assert texts(drawn).count("generation") == 5
        assert texts(drawn).count("0") == 10  # the first tick of both axes
    assert width(svg.draw(wide)) <= 708 and width(svg.draw(narrowed(wide), ROOM)) <= ROOM + 8


def test_labels_of_an_axis_do_not_reach_into_the_next_facet() -> None:
    panels = [(f"arm {k}", [series(f"arm {k}", k)]) for k in range(3)]
    rows = [{**row, "q95": 123456.0} for row in panels[1][1][0].rows]
    panels[1] = ("arm 1", [Series("arm 1", "arm 1", 1, rows)])
    (row,) = grid("Risk", "", panels, 3)["vconcat"]
    assert all(Panel(one).left + Panel(one).right < row["spacing"] for one in row["hconcat"])


@pytest.mark.parametrize("name", ["gerstgrasser-linear", "digits-vae"])
def test_a_page_has_every_figure_twice_and_readable(store: Store, name: str) -> None:
    text = recurse_reports.render(store, name)
    found = re.findall(r'<div class="(wide|narrow)">(<svg.*?</svg>)', text, re.S)
    kinds = [kind for kind, _ in found]
    assert kinds.count("wide") == kinds.count("narrow") > 0
    for kind, drawn in found:
        sizes = [float(size) for size in re.findall(r'font-size="([\d.]+)"', drawn)]
        assert min(sizes) >= 11
        assert width(drawn) <= (ROOM + 8 if kind == "narrow" else 720)


def test_bars_stay_apart_and_their_names_short() -> None:
    values: list[dict[str, Any]] = [{"name": "x" * 60, "low": 0, "high": 2}]
    encoding: dict[str, Any] = {
        "y": {"field": "name", "type": "nominal", "sort": ["x" * 60], "axis": {"labelLimit": 220}},
        "x": {"field": "low", "type": "quantitative", "axis": {"tickCount": 6}},
        "x2": {"field": "high"},
    }
    look = {"type": "bar", "size": 13, "color": "#0072b2"}
    layer: dict[str, Any] = {"data": {"values": values}, "mark": look, "encoding": encoding}
    chart = {"layer": [layer], "width": 450, "height": 25, "title": {"text": "Seconds"}}
    drawn = svg.draw(narrowed(chart), ROOM)
    assert width(drawn) <= ROOM + 8
    assert encoding["y"]["axis"]["labelLimit"] == 220, "the wide chart is as it was"
    upright = {**encoding, "y": encoding["x"], "x": encoding["y"], "y2": encoding["x2"]}
    upright.pop("x2")
    tall = {**chart, "layer": [{**layer, "encoding": upright}]}
    assert narrowed(tall)["layer"][0]["mark"]["size"] < 13
