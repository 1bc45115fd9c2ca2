"""Pages as one HTML file that loads nothing: styles, figures and pictures are inside."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from recurse_reports.blocks import Data, Figure
from recurse_reports.charts import dark_rules, missing
from recurse_reports.page import Page, comma_separated
from recurse_reports.words import Strong

MOST_CSV = 200_000
"""Characters of data that a page carries for download, per figure."""
STATIC = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
SCRIPTED = f"{STATIC}; script-src 'unsafe-inline' 'unsafe-eval'"


def page(pages: Sequence[Page], interactive: bool = False) -> str:
    """The whole document.

    Raises:
        MissingLibrary: ``interactive``, and vl-convert is not installed.
    """
    template = _environment().get_template("report.html")
    style = files("recurse_reports").joinpath("templates/report.css").read_text("utf-8")
    style += f"@media screen and (prefers-color-scheme: dark) {{ {dark_rules()} }}"
    return template.render(
        pages=pages,
        title=pages[0].title if len(pages) == 1 else "recurse report",
        style=Markup(style),
        policy=SCRIPTED if interactive else STATIC,
        interactive=interactive,
        bundle=Markup(bundle()) if interactive else "",
    )


def bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script.

    Raises:
        MissingLibrary: vl-convert is not installed.
    """
    try:
        import vl_convert
    except ImportError as error:
        raise missing(error) from error
    text: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def specification(figure: Figure) -> Markup:
    """A chart as JSON that cannot end the element it stands in."""
    text = json.dumps(figure.chart, sort_keys=True, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def picture(png: bytes) -> str:
    """A PNG as a data address."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def download(data: Data) -> str:
    """The rows behind a figure as a data address; empty where there are none or too many."""
    if not data.rows:
        return ""
    text = comma_separated(data)
    return f"data:text/csv;charset=utf-8,{quote(text)}" if len(text) <= MOST_CSV else ""


@cache
def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("recurse_reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.tests["strong"] = lambda part: isinstance(part, Strong)
    found.filters["block"] = lambda block: type(block).__name__.lower()
    found.filters["picture"] = picture
    found.filters["download"] = download
    found.filters["specification"] = specification
    found.filters["markup"] = Markup
    return found
