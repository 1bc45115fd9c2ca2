"""A Vega-Lite specification as SVG text: no scripts or addresses, short numbers, ids of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from recurse_reports.charts import FONT, dark_rules, missing

_NUMBER = re.compile(r"-?\d+\.\d{2,}(e-?\d+)?")
_GEOMETRY = re.compile(r' (?:d|transform|x|y|x1|x2|y1|y2|width|height|cx|cy|r)="[^"]*"')


def draw(chart: Mapping[str, Any], name: str) -> str:
    """The figure as inline SVG; ``name`` makes its ids unique on a page.

    Raises:
        MissingLibrary: vl-convert is not installed.
    """
    try:
        import vl_convert
    except ImportError as error:
        raise missing(error) from error
    text: str = vl_convert.vegalite_to_svg(dict(chart), allowed_base_urls=[])
    text = text[text.index("<svg") :].strip()
    text = re.sub(r' xmlns:xlink="[^"]*"', "", text)
    text = re.sub(r'\b(id="|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r' (?:class|aria-[a-z]+|role|pointer-events|font-family)="[^"]*"', "", text)
    text = text.replace(' opacity="1"', "").replace("<svg ", f'<svg font-family="{FONT}" ', 1)
    text = re.sub(r' d="[^"]*"', lambda m: _NUMBER.sub(_tenth, m.group()), text)
    text = _GEOMETRY.sub(lambda m: _NUMBER.sub(_short, m.group()), text)
    # A path with nothing but its outline is the invisible ground of a group.
    text = re.sub(r'<path d="[^"]*"(/>|></path>)', "", text)
    text = re.sub(r'<path d="" display="none"/>', "", text)
    while True:
        text, removed = re.subn(r"<g(?: transform=\"[^\"]*\")?(?:/>|>\s*</g>)", "", text)
        if not removed:
            return text


def standalone(text: str) -> bytes:
    """Inline SVG as a file of its own, with a colour of text for light and for dark pages."""
    head, _, rest = text.partition(">")
    dark = f"svg{{color:#e6e8eb}}{dark_rules(text)}"
    style = f"svg{{color:#1f2328}}@media(prefers-color-scheme:dark){{{dark}}}"
    return f"{head}><style>{style}</style>{rest}\n".encode()


def _tenth(match: re.Match[str]) -> str:
    text = f"{float(match.group()):.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def _short(match: re.Match[str]) -> str:
    text = f"{float(match.group()):.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
