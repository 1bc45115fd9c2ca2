"""Numbers and counts as words: as many digits as the interval allows, and no more."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence


class Strong(str):
    """A part of a sentence that a page may set in bold."""

    __slots__ = ()


Sentence = tuple[str, ...]
"""Parts of running text; plain text is their concatenation."""


def number(value: float | None, digits: int = 3) -> str:
    """A number with that many significant digits; never ``1e+03`` for 1000."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "infinite" if value > 0 else "-infinite"
    if value == 0:
        return "0"
    exponent = _exponent(value, digits)
    if exponent < -4 or exponent > 6:
        mantissa = f"{value:.{digits - 1}e}"
        head, _, tail = mantissa.partition("e")
        return f"{head}e{int(tail)}"
    rounded = float(f"{value:.{digits - 1}e}")
    return fixed(rounded, max(digits - 1 - exponent, 0))


def fixed(value: float, decimals: int) -> str:
    """A number with that many decimals, thousands set apart, and never ``-0``."""
    text = f"{value:,.{decimals}f}"
    return text[1:] if re.fullmatch(r"-0(\.0*)?", text) else text


def decimals(spread: float) -> int:
    """Decimals that show a spread (a half interval, a standard error) to one or two digits.

    Two where the leading digit is 1 or 2, one above, as the Particle Data Group rounds.
    """
    if not math.isfinite(spread) or spread <= 0:
        return 3
    exponent = math.floor(math.log10(spread))
    leading = spread / 10.0**exponent
    return max(-exponent + (1 if leading < 2.95 else 0), 0)


def spread(value: float, error: float | None) -> str:
    """A mean with its standard error: ``0.176 ± 0.011``; the mean alone without one."""
    if error is None or not math.isfinite(error) or error <= 0:
        return number(value)
    places = decimals(error)
    if places > 6 or abs(value) >= 1e6:
        return f"{number(value)} ± {number(error, 2)}"
    return f"{fixed(value, places)} ± {fixed(error, places)}"


def three(mid: float, low: float, high: float) -> tuple[str, str, str]:
    """A figure and its interval with equal decimals."""
    values = (mid, low, high)
    if not all(map(math.isfinite, values)) or max(map(abs, values)) >= 1e6:
        return number(mid), number(low), number(high)
    places = decimals((high - low) / 2)
    if places > 6:
        return number(mid), number(low), number(high)
    return fixed(mid, places), fixed(low, places), fixed(high, places)


def count(n: int, one: str, many: str = "") -> str:
    """``1 seed``, ``50 seeds``."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def listed(items: Sequence[str], last: str = "and") -> str:
    """``a, b and c``."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def seconds(value: float) -> str:
    """A duration: ``0.021 s``, ``12 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if value < 120:
        return f"{number(value, 2)} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 120:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def sentence(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def symbols(text: str) -> str:
    """The text with signs for the formulas that specs and laws write in ASCII: ``pi^2`` as π²."""
    return text.replace("pi^2", "π²")


def slug(text: str) -> str:
    """A text as part of a file name or id: letters, digits, dash, dot and underscore only."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.") or "unnamed"


def _exponent(value: float, digits: int) -> int:
    rounded = float(f"{abs(value):.{digits - 1}e}")
    return math.floor(math.log10(rounded) + 1e-12)
