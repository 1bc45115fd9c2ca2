"""A chart as SVG text: panels in rows under a title, and a key to the colours.

Charts are plain data in the words of Vega-Lite, of which this draws as much as `charts` and the
sections use; for ``--interactive`` Vega gets the same data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from recurse_reports.charts import FONT, WIDTH, dark_rules
from recurse_reports.marks import element, words
from recurse_reports.panel import LABEL, Panel
from recurse_reports.ruler import folded, wide

Chart = Mapping[str, Any]
Colours = Sequence[tuple[str, str]]
"""Names with their colours."""
_TITLE = 13.0  # font size of the title
_LINE = 15.0  # pixels from one line below the title to the next
_KEY = 11.5  # font size beside the colours
_BOX = 9.5  # side of a coloured square
_AFTER = 12.0  # pixels below title and key
_SEPARATOR = "  ·  "


def draw(chart: Chart, room: float = WIDTH) -> str:
    """The figure as inline SVG: no scripts, no addresses, no ids; its texts fold at ``room``.

    Raises:
        ValueError: the chart has a mark that is not known here.
    """
    whole, panels = _rows(chart)
    colours = chart.get("key") or _legend([one for row in panels for one in row])
    parts, y, width = _head(chart.get("title", {}), colours, room)
    left = max(row[0].left for row in panels)
    for across, row in zip(whole, panels, strict=True):
        y += max(panel.above for panel in row)
        x = left
        for panel in row:
            parts.append(panel.drawn(x, y))
            width = max(width, x + panel.width + panel.right)
            x += panel.width + across.get("spacing", 0)
        y += max(panel.height + panel.below for panel in row) + chart.get("spacing", 0)
    broad, high = f"{width + 4:.0f}", f"{y - chart.get('spacing', 0) + 4:.0f}"
    return element(
        "svg",
        "".join(parts),
        xmlns="http://www.w3.org/2000/svg",
        font_family=FONT,
        width=broad,
        height=high,
        viewBox=f"0 0 {broad} {high}",
    )


def standalone(text: str) -> bytes:
    """Inline SVG as a file of its own, with a colour of text for light and for dark pages."""
    head, _, rest = text.partition(">")
    dark = f"svg{{color:#e6e8eb}}{dark_rules(text)}"
    style = f"svg{{color:#1f2328}}@media(prefers-color-scheme:dark){{{dark}}}"
    return f"{head}><style>{style}</style>{rest}\n".encode()


def _rows(chart: Chart) -> tuple[Sequence[Chart], list[list[Panel]]]:
    """The rows of a chart and their panels; a panel alone is a row, its title that of the chart."""
    if "vconcat" not in chart:
        alone = {key: part for key, part in chart.items() if key != "title"}
        return [{}], [[Panel(alone)]]
    rows: Sequence[Chart] = chart["vconcat"]
    return rows, [[Panel(one) for one in row["hconcat"]] for row in rows]


def _legend(panels: Sequence[Panel]) -> Colours:
    """The names and colours of the first scale with a legend, which all panels share."""
    for layer in (layer for panel in panels for layer in panel.layers):
        colour = layer["encoding"].get("color", {})
        if colour.get("legend"):
            return list(zip(colour["scale"]["domain"], colour["scale"]["range"], strict=True))
    return []


def _head(title: Chart, colours: Colours, room: float) -> tuple[list[str], float, float]:
    """The head above the panels: elements, their height, and their width."""
    parts: list[str] = []
    y = width = 0.0
    look = {"font_size": _TITLE, "font_weight": 600, "fill": "currentColor"}
    for line in _lines([title.get("text", "")], " ", 1.06 * _TITLE, room):
        y, width = y + (_LINE if y else 12.0), max(width, 1.06 * wide(line, _TITLE))
        parts.append(element("text", words(line), y=y, **look))
    below = title.get("subtitle", "").split(_SEPARATOR)
    for line in _lines(below, _SEPARATOR, LABEL, room):
        y, width = y + _LINE, max(width, wide(line, LABEL))
        parts.append(element("text", words(line), y=y, font_size=LABEL, fill="currentColor"))
    keys, deep, far = _keys(colours, y + _LINE, room)
    parts += keys
    return parts, (deep if keys else y) + (_AFTER if y or keys else 0), max(width, far)


def _lines(parts: Sequence[str], glue: str, size: float, room: float) -> list[str]:
    """Parts in lines no wider than ``room``; a part that is wider is folded at its blanks."""
    lines = folded([part for part in parts if part], glue, size, room)
    return [line for one in lines for line in _pieces(one, size, room)]


def _pieces(line: str, size: float, room: float) -> list[str]:
    return [line] if wide(line, size) <= room else folded(line.split(" "), " ", size, room)


def _keys(colours: Colours, y: float, room: float) -> tuple[list[str], float, float]:
    """The key to the colours, once for all panels: elements, where the last line is, its width."""
    parts, x, far = [], 0.0, 0.0
    for name, fill in colours:
        taken = _BOX + 5 + wide(name, _KEY)
        if x and x + taken > room:
            x, y = 0.0, y + _LINE + 3
        parts.append(element("rect", x=x, y=y - _BOX, width=_BOX, height=_BOX, fill=fill))
        look = {"font_size": _KEY, "fill": "currentColor"}
        parts.append(element("text", words(name), x=x + _BOX + 5, y=y - 0.5, **look))
        x += taken + 16
        far = max(far, x)
    return parts, y, min(far, room)
