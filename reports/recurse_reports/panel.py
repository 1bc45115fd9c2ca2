"""One panel of a figure: its title, grid, labels and layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from recurse_reports.marks import drawn, element, words
from recurse_reports.ruler import Ruler, cut, wide, widened, worded

Chart = Mapping[str, Any]
LABEL = 11.0
"""Font size of labels."""
SOFT = 0.72
"""Opacity of labels."""
_LINE = 13.5  # pixels from one line of a title to the next
_PAD = 6.0  # pixels between a panel and the labels of its axes
_NEAR = 3.0  # pixels between two labels that are as near as they may be


@dataclass(frozen=True)
class Panel:
    """Layers over one another. ``left``, ``right``, ``above``, ``below``: room that it needs."""

    chart: Chart

    @cached_property
    def layers(self) -> Sequence[Chart]:
        """The layers, the lowest first."""
        found: Sequence[Chart] = self.chart.get("layer") or [self.chart]
        return found

    @property
    def width(self) -> float:
        """Pixels of the panel itself, without labels."""
        return float(self.chart["width"])

    @property
    def height(self) -> float:
        """As ``width``, downward."""
        return float(self.chart["height"])

    @property
    def left(self) -> float:
        """The widest label of the vertical axis."""
        return max((wide(text, size) + _PAD for _, text, size in self._labels("y")), default=0.0)

    @property
    def right(self) -> float:
        """The pixels by which texts and the last label stand out."""
        last = [x + wide(text, size) / 2 for x, text, size in self._labels("x")]
        ends = [self.width, *last[-1:]]
        for layer in self.layers:
            look, encoding = layer["mark"], layer["encoding"]
            if look["type"] == "text" and "value" in encoding["x"]:
                size = look.get("fontSize", LABEL) * (1.06 if look.get("fontWeight") == 600 else 1)
                taken = min(wide(look["text"], size), look.get("limit", 1e9))
                ends.append(encoding["x"]["value"] + taken)
        return max(ends) - self.width

    @property
    def above(self) -> float:
        """The height of the title."""
        lines, _, under = self._title
        return _LINE * len(lines) + (LABEL + 4 if under else 0) + (8 if lines else 0)

    @property
    def below(self) -> float:
        """The height of labels and name of the horizontal axis."""
        axis = self._axis("x")
        if axis is None or axis.get("labels") is False:
            return 4.0
        return _PAD + LABEL + (LABEL + 8 if axis.get("title") else 0)

    def drawn(self, x: float, y: float) -> str:
        """The panel as SVG, its upper left corner at that point."""
        across, along = self._rulers
        inside = [*self._heading(), *self._grid(), *self._axes()]
        inside += [drawn(layer, across, along) for layer in self.layers]
        return element("g", "".join(inside), transform=f"translate({x:.1f},{y:.1f})")

    @cached_property
    def _rulers(self) -> tuple[Ruler, Ruler]:
        return self._ruler("x", self.width), self._ruler("y", self.height)

    def _ruler(self, channel: str, length: float) -> Ruler:
        """The scale of a direction: that of the first layer with a column in it."""
        found = [one for layer in self.layers if "field" in (one := layer["encoding"][channel])]
        if not found:
            return Ruler(length, up=channel == "y")
        if found[0]["type"] == "nominal":
            return Ruler(length, names=tuple(found[0]["sort"]))
        scale = found[0].get("scale", {})
        low, high = scale.get("domain") or self._extent(channel)
        if scale.get("nice", False):
            low, high = widened(low, high, found[0]["axis"].get("tickCount", 5))
        return Ruler(length, low, high, scale.get("type") == "log", up=channel == "y")

    def _extent(self, channel: str) -> tuple[float, float]:
        """The interval from zero to the largest value."""
        fields = [
            (layer, layer["encoding"].get(c))
            for layer in self.layers
            for c in (channel, f"{channel}2")
        ]
        values = [
            row[one["field"]] for layer, one in fields if one for row in layer["data"]["values"]
        ]
        return min(0.0, *values), max(0.0, *values)

    def _axis(self, channel: str) -> Mapping[str, Any] | None:
        for layer in self.layers:
            if "axis" in layer["encoding"].get(channel, {}):
                axis: Mapping[str, Any] = layer["encoding"][channel]["axis"]
                return axis
        return None

    def _labels(self, channel: str) -> Iterator[tuple[float, str, float]]:
        """Place, text and font size of each label; those that would touch are left out."""
        axis = self._axis(channel)
        if axis is None or axis.get("labels") is False:
            return
        ruler, size = self._rulers[channel == "y"], axis.get("labelFontSize", LABEL)
        until = -1e9
        ticks = sorted(ruler.ticks(axis), key=ruler.place)
        for tick in ticks:
            place = ruler.place(tick)
            text = cut(worded(tick, axis.get("format", "")), size, axis.get("labelLimit", 180))
            half = wide(text, size) / 2 if channel == "x" else size / 2
            if place - half >= until + (_NEAR if channel == "x" else 0):
                yield place, text, size
                until = place + half

    def _grid(self) -> Iterator[str]:
        for channel, by_default in (("x", False), ("y", True)):
            axis = self._axis(channel)
            if axis is None or not axis.get("grid", by_default):
                continue
            places = [
                f"{self._rulers[channel == 'y'].place(t):.1f}"
                for t in self._rulers[channel == "y"].ticks(axis)
            ]
            lines = [
                f"M{p},0V{self.height:g}" if channel == "x" else f"M0,{p}H{self.width:g}"
                for p in places
            ]
            if lines:
                yield element(
                    "path",
                    d="".join(lines),
                    stroke="currentColor",
                    stroke_opacity=0.12,
                    stroke_width=0.7,
                )

    def _axes(self) -> Iterator[str]:
        for channel, anchor in (("x", "middle"), ("y", "end")):
            axis, labels = self._axis(channel), list(self._labels(channel))
            if axis is None or not labels:
                continue
            size = labels[0][2]
            texts = [
                element("text", words(text), x=place, y=self.height + _PAD + 9)
                if channel == "x"
                else element("text", words(text), x=-_PAD, y=place + 0.32 * size)
                for place, text, size in labels
            ]
            if axis.get("title"):
                under = self.height + _PAD + LABEL + 17
                texts.append(element("text", words(axis["title"]), x=self.width / 2, y=under))
            opacity = axis.get("labelOpacity", SOFT)
            yield element(
                "g",
                "".join(texts),
                font_size=size,
                text_anchor=anchor,
                fill="currentColor",
                fill_opacity=opacity,
            )

    @property
    def _title(self) -> tuple[Sequence[str], float, str]:
        """Lines of the title, their font size, and the pixels below them."""
        title = self.chart.get("title", {})
        text = title.get("text", "")
        lines = [text] if isinstance(text, str) and text else list(text)
        return lines, title.get("fontSize", 13), title.get("subtitle", "")

    def _heading(self) -> Iterator[str]:
        lines, size, under = self._title
        limit = self.chart.get("title", {}).get("limit", 1e9)
        y = -8.0 - (LABEL + 4 if under else 0) - _LINE * (len(lines) - 1)
        for line in lines:
            if line:
                text = words(cut(line, 1.06 * size, limit))
                yield element(
                    "text", text, y=y, font_size=size, font_weight=600, fill="currentColor"
                )
            y += _LINE
        if under:
            yield element(
                "text",
                words(cut(under, LABEL, limit)),
                y=-8.0,
                font_size=LABEL,
                fill="currentColor",
            )
