"""One direction of a panel: the pixel of each value, and the values that carry a tick."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_NARROW, _WIDE = frozenset("ijlftrI.,:;'|!()[]{}/ -·×"), frozenset("mwMWGOQ@%—…")


@dataclass(frozen=True)
class Ruler:
    """A scale of numbers from ``low`` to ``high``, or of ``names`` side by side."""

    length: float
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    names: tuple[str, ...] = ()
    up: bool = False
    """True if the low end is at ``length``, as on a vertical axis of numbers."""

    def place(self, value: Any) -> float:
        """Pixels from the left or the top."""
        if self.names:
            return self.length * (self.names.index(value) + 0.5) / len(self.names)
        span = self.high - self.low
        part = (value - self.low) / span if span else 0.5
        if self.log:
            part = math.log(value / self.low) / math.log(self.high / self.low)
        return self.length * (1 - part if self.up else part)

    def ticks(self, axis: Mapping[str, Any]) -> list[Any]:
        """The values with a tick: those that the axis lists, all names, or round numbers."""
        if self.names:
            return list(self.names)
        if "values" in axis:
            return [v for v in axis["values"] if self.low <= v <= self.high]
        return round_numbers(
            self.low, self.high, axis.get("tickCount", 5), axis.get("tickMinStep", 0)
        )


def round_numbers(low: float, high: float, count: int, least: float = 0) -> list[float]:
    """About ``count`` multiples of 1, 2 or 5 times a power of ten, ``least`` or more apart."""
    if not low < high:
        return [low]
    step = max(_step((high - low) / count), least)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{place * step:.12g}") for place in range(first, last + 1)]


def widened(low: float, high: float, count: int) -> tuple[float, float]:
    """The interval, its ends moved outward to round numbers."""
    step = _step((high - low) / count) if low < high else 1.0
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def _step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    part = rough / power
    return power * (10 if part >= 50**0.5 else 5 if part >= 10**0.5 else 2 if part >= 2**0.5 else 1)


def worded(value: Any, form: str) -> str:
    """A tick's text: names as they are, ``.0%`` in percent, else six digits without zeros."""
    if isinstance(value, str):
        return value
    if form.endswith("%"):
        return f"{value:{form}}"
    small = value != 0 and abs(value) < 1e-3
    text = f"{value:.5e}" if small else f"{value:g}"
    digits, exponent, power = text.partition("e")
    digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return (digits + (f"e{int(power)}" if exponent else "")).replace("-", "\N{MINUS SIGN}")


def wide(text: str, size: float) -> float:
    """Pixels that a text of that font size takes, about."""
    ems = sum(0.3 if c in _NARROW else 0.85 if c in _WIDE else 0.56 for c in text)
    return size * ems


def cut(text: str, size: float, limit: float) -> str:
    """The text, shortened to the width ``limit``."""
    if wide(text, size) <= limit:
        return text
    while text and wide(text + "…", size) > limit:
        text = text[:-1]
    return f"{text.rstrip()}…"


def folded(parts: Sequence[str], glue: str, size: float, limit: float) -> list[str]:
    """Parts joined into lines that are no wider than ``limit``, if their words allow."""
    lines: list[str] = []
    for part in parts:
        longer = f"{lines[-1]}{glue}{part}" if lines else part
        if lines and wide(longer, size) <= limit:
            lines[-1] = longer
        else:
            lines.append(part)
    return lines
