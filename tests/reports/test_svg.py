"""Figures as SVG: what stands where, and that it is one well-formed picture."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest
from recurse_reports import charts, svg
from recurse_reports.panel import Panel
from recurse_reports.ruler import Ruler, cut, folded, round_numbers, wide, widened, worded

SVG = "{http://www.w3.org/2000/svg}"


def layer(mark: str, rows: list[dict[str, Any]], **look: Any) -> charts.Chart:
    """Rows on scales from 0 to 10 and from 0 to 1."""
    axis = {"title": "generation", "tickMinStep": 1, "tickCount": 6}
    x = charts.number("g", scale={"domain": [0, 10], "nice": False}, axis=axis)
    y = charts.number("v", scale={"domain": [0, 1]}, axis={"title": None, "tickCount": 5})
    return charts.layer(mark, rows, {"x": x, "y": y}, color="#0072b2", **look)


def test_round_numbers_are_few_and_inside() -> None:
    assert round_numbers(0, 100, 6) == [0, 20, 40, 60, 80, 100]
    assert round_numbers(0, 3, 6, least=1) == [0, 1, 2, 3]
    assert round_numbers(-0.013, 0.27, 5) == [0, 0.05, 0.1, 0.15, 0.2, 0.25]
    assert round_numbers(2.0, 2.0, 5) == [2.0]
    assert widened(0, 0.207, 6) == (0, pytest.approx(0.25))


def test_ticks_are_short_words() -> None:
    said = [worded(v, "") for v in (0.0, 0.1, 1000, 12500.0, 1e-5, 2.5e-4, 1e7, -0.5)]
    assert said == ["0", "0.1", "1000", "12500", "1e−5", "2.5e−4", "1e7", "−0.5"]
    assert worded(0.25, ".0%") == "25%"
    assert worded("replace", "") == "replace"


def test_a_ruler_places_numbers_logarithms_and_names() -> None:
    assert Ruler(200, 0, 10, up=True).place(2.5) == 150
    assert Ruler(200, 1, 100, log=True).place(10) == pytest.approx(100)
    assert [Ruler(60, names=("a", "b", "c")).place(name) for name in "abc"] == [10, 30, 50]
    assert Ruler(100, 5, 5).place(5) == 50


def test_texts_are_folded_and_cut_to_a_width() -> None:
    assert folded(["one", "two", "three"], " · ", 11, wide("one · two", 11)) == [
        "one · two",
        "three",
    ]
    assert cut("accumulate", 11, 1000) == "accumulate"
    short = cut("accumulate", 11, 40)
    assert short.endswith("…") and wide(short, 11) <= 40


def test_marks_stand_where_their_scales_say() -> None:
    rows = [{"g": 0, "v": 0.0}, {"g": 5, "v": 1.0}, {"g": 10, "v": 0.5}]
    panel = charts.layered([layer("line", rows, strokeDash=[5, 3])], 200, 100)
    text = svg.draw(charts.finished(panel, "A title", "first  ·  second"))
    root = ElementTree.fromstring(text)
    (line,) = [e for e in root.iter(f"{SVG}path") if e.get("stroke") == "#0072b2"]
    assert line.get("d") == "M0,100L100,0L200,50"
    assert line.get("stroke-dasharray") == "5,3"
    texts = [e.text for e in root.iter(f"{SVG}text")]
    assert texts[:2] == ["A title", "first  ·  second"]
    assert {"0", "2", "10", "0.2", "1", "generation"} <= set(texts)
    assert "id=" not in text and "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_areas_bars_and_markers_have_outlines() -> None:
    rows = [{"g": g, "v": 0.0, "high": 1.0, "pool": "real"} for g in (0, 10)]
    for mark, look, outline in (
        ("area", {}, "M0,0L200,0L200,100L0,100Z"),
        ("area", {"interpolate": "step"}, "M0,0L100,0L100,0L200,0L200,100L100,100L100,100L0,100Z"),
        ("bar", {"size": 20}, "M-10,0H10V100H-10ZM190,0H210V100H190Z"),
    ):
        made = layer(mark, rows, **look)
        made["encoding"]["y2"] = {"field": "high"}
        text = Panel(charts.layered([made], 200, 100)).drawn(0, 0)
        assert f'd="{outline}"' in text, mark
    for shape in charts.SHAPES:
        made = layer("point", rows, shape=shape, size=46, filled=shape != "stroke")
        text = Panel(charts.layered([made], 200, 100)).drawn(0, 0)
        assert re.search(r'd="M[^"]*M[^"]*" fill="(#0072b2|none)"', text), shape


def test_labels_never_touch() -> None:
    made = layer("line", [{"g": 0, "v": 0.0}, {"g": 10, "v": 1.0}])
    made["encoding"]["y"]["axis"]["values"] = [place / 40 for place in range(41)]
    text = Panel(charts.layered([made], 200, 100)).drawn(0, 0)
    places = [float(y) for y in re.findall(r'<text x="-6" y="([^"]*)"', text)]
    assert 3 < len(places) < 12
    assert all(b - a >= 11 - 0.01 for a, b in pairwise(places))


def test_a_key_names_every_colour_and_an_unknown_mark_is_refused() -> None:
    made = layer("bar", [{"g": 1, "v": 0.0, "high": 1.0, "pool": "real"}], size=9)
    made["encoding"]["y2"] = {"field": "high"}
    scale = {"domain": ["real", "synthetic"], "range": ["#0072b2", "#d55e00"]}
    made["encoding"]["color"] = charts.name("pool", scale=scale, legend={"orient": "top"})
    text = svg.draw(charts.finished(charts.layered([made], 200, 100), "Shares"))
    assert text.count("<rect") == 2 and ">synthetic</text>" in text
    with pytest.raises(ValueError, match="no mark 'pie'"):
        svg.draw(charts.layered([layer("pie", [])], 10, 10))


def test_hostile_texts_stay_texts() -> None:
    made = charts.layer(
        "text", [{}], {"x": {"value": 3}, "y": {"value": 4}}, color='"/><script>', text="<b>\x00&"
    )
    text = svg.draw(charts.finished(charts.layered([made], 10, 10), "</svg><script>"))
    root = ElementTree.fromstring(text)
    assert {e.tag for e in root.iter()} == {f"{SVG}{name}" for name in ("svg", "g", "text")}
    assert [e.text for e in root.iter(f"{SVG}text")] == [
        "</svg><script>",
        "<b>\N{REPLACEMENT CHARACTER}&",
    ]
