"""One layer of a panel as SVG elements: areas, lines, points, bars and texts."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from recurse_reports.ruler import Ruler, cut

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HALF = math.sqrt(3) / 2
_CORNERS: Mapping[str, Sequence[tuple[float, float]]] = {
    "square": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
    "diamond": ((0, -1), (1, 0), (0, 1), (-1, 0)),
    "triangle-up": ((0, -_HALF), (1, _HALF), (-1, _HALF)),
    "triangle-down": ((0, _HALF), (-1, -_HALF), (1, -_HALF)),
    "cross": tuple(
        (x * side, y * other)
        for x, y in ((1, 1), (-1, 1), (-1, -1), (1, -1))
        for side, other in (((0.4, 1), (0.4, 0.4), (1, 0.4))[:: x * y])
    ),
}
_ANCHORS = {"left": "start", "center": "middle", "right": "end"}


def element(name: str, inside: str = "", **attributes: Any) -> str:
    """An element of SVG; attributes that are None are left out, ``_`` stands for ``-``."""
    said = "".join(
        f' {key.replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{said}>{inside}</{name}>" if inside else f"<{name}{said}/>"


def words(text: str) -> str:
    """A text as content of an element."""
    return escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text), quote=False)


def short(value: float, digits: int = 2) -> str:
    """A length with so many decimals at most."""
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"
    return "0" if text == "-0" else text


def drawn(layer: Mapping[str, Any], across: Ruler, along: Ruler) -> str:
    """The marks of a layer.

    Args:
        layer: ``data``, ``mark`` and ``encoding`` as in Vega-Lite.
        across: the horizontal scale.
        along: the vertical one.

    Raises:
        ValueError: there is no such mark.
    """
    look, encoding = layer["mark"], layer["encoding"]
    if look["type"] not in _MARKS:
        raise ValueError(f"no mark '{look['type']}'")
    found = []
    for colour, rows in _coloured(layer["data"]["values"], look, encoding):
        places = [_placed(row, encoding, across, along) for row in rows]
        found.append(_MARKS[look["type"]]({**look, "color": colour}, places))
    return "".join(found)


def _coloured(
    rows: Sequence[Mapping[str, Any]], look: Mapping[str, Any], encoding: Mapping[str, Any]
) -> Iterable[tuple[str, Sequence[Mapping[str, Any]]]]:
    """The rows of each colour: one for all, or one for each name of a column."""
    if "color" not in encoding:
        return [(look["color"], rows)]
    field, scale = encoding["color"]["field"], encoding["color"]["scale"]
    pairs = zip(scale["domain"], scale["range"], strict=True)
    return [(colour, [row for row in rows if row[field] == name]) for name, colour in pairs]


def _placed(
    row: Mapping[str, Any], encoding: Mapping[str, Any], across: Ruler, along: Ruler
) -> dict[str, float]:
    """Channel -> pixels: by the scale for a column, as it is for a constant."""
    found = {}
    for channel, ruler in (("x", across), ("x2", across), ("y", along), ("y2", along)):
        if channel in encoding:
            one = encoding[channel]
            found[channel] = ruler.place(row[one["field"]]) if "field" in one else one["value"]
    return found


def _area(look: Mapping[str, Any], places: Sequence[Mapping[str, float]]) -> str:
    if not places:
        return ""
    if look.get("interpolate") == "step":
        places = _stepped(places)
    upper = [(p["x"], p["y2"]) for p in places]
    lower = [(p["x"], p["y"]) for p in reversed(places)]
    opacity = look.get("opacity")
    return element("path", d=f"{_path(upper + lower)}Z", fill=look["color"], fill_opacity=opacity)


def _stepped(places: Sequence[Mapping[str, float]]) -> list[Mapping[str, float]]:
    """Each place as a plateau that ends halfway to its neighbours."""
    found: list[Mapping[str, float]] = []
    for number, place in enumerate(places):
        before, after = places[max(number - 1, 0)]["x"], places[min(number + 1, len(places) - 1)]
        for x in ((before + place["x"]) / 2, (after["x"] + place["x"]) / 2):
            found.append({**place, "x": x})
    return found


def _line(look: Mapping[str, Any], places: Sequence[Mapping[str, float]]) -> str:
    if not places:
        return ""
    dash = look.get("strokeDash")
    return element(
        "path",
        d=_path([(p["x"], p["y"]) for p in places]),
        fill="none",
        stroke=look["color"],
        stroke_width=look.get("strokeWidth"),
        stroke_linejoin=look.get("strokeJoin"),
        stroke_dasharray=",".join(short(part) for part in dash) if dash else None,
        stroke_opacity=look.get("opacity"),
    )


def _point(look: Mapping[str, Any], places: Sequence[Mapping[str, float]]) -> str:
    """All markers as one path; filled ones in the colour, others as its outline."""
    shape = "".join(_marker(look["shape"], look["size"], p["x"], p["y"]) for p in places)
    if not shape:
        return ""
    if look.get("filled", True):
        return element("path", d=shape, fill=look["color"])
    return element("path", d=shape, fill="none", stroke=look["color"], stroke_width=2)


def _marker(shape: str, size: float, x: float, y: float) -> str:
    """The outline of a marker of that area."""
    if shape == "circle":
        r = short(math.sqrt(size / math.pi), 1)
        left, wide = short(x - float(r), 1), short(2 * float(r), 1)
        return f"M{left},{short(y, 1)}a{r},{r},0,1,0,{wide},0a{r},{r},0,1,0,-{wide},0Z"
    half = math.sqrt(size) / 2
    if shape == "stroke":
        return _path([(x - half, y), (x + half, y)])
    return f"{_path([(x + dx * half, y + dy * half) for dx, dy in _CORNERS[shape]])}Z"


def _bar(look: Mapping[str, Any], places: Sequence[Mapping[str, float]]) -> str:
    """Bars of the thickness ``size``, from ``x`` to ``x2`` or from ``y`` to ``y2``."""
    size, shape = look["size"], ""
    for p in places:
        (left, right), (top, bottom) = (
            sorted((p[c], p[f"{c}2"])) if f"{c}2" in p else (p[c] - size / 2, p[c] + size / 2)
            for c in ("x", "y")
        )
        right, bottom = short(right, 1), short(bottom, 1)
        shape += f"M{short(left, 1)},{short(top, 1)}H{right}V{bottom}H{short(left, 1)}Z"
    if not shape:
        return ""
    return element("path", d=shape, fill=look["color"], fill_opacity=look.get("opacity"))


def _text(look: Mapping[str, Any], places: Sequence[Mapping[str, float]]) -> str:
    size = look.get("fontSize", 11)
    text = words(cut(look["text"], size, look.get("limit", math.inf)))
    weight = look.get("fontWeight")
    return "".join(
        element(
            "text",
            text,
            x=p["x"],
            y=p["y"] + (0.3 * size if look.get("baseline") == "middle" else 0),
            text_anchor=_ANCHORS[look["align"]] if look.get("align", "left") != "left" else None,
            font_size=size,
            font_weight=None if weight == "normal" else weight,
            fill=look["color"],
            fill_opacity=look["opacity"] if look.get("opacity", 1) != 1 else None,
        )
        for p in places
    )


_MARKS = {"area": _area, "line": _line, "point": _point, "bar": _bar, "text": _text}


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{short(x, 1)},{short(y, 1)}" for x, y in points)


def _value(value: Any) -> str:
    if isinstance(value, float):
        return short(value)
    return escape(_FORBIDDEN.sub("", str(value)), quote=True)
