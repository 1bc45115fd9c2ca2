"""Reports from a store alone: the same store gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from recurse_reports import html, markdown
from recurse_reports.charts import MissingLibrary
from recurse_reports.page import Page
from recurse_reports.sections.answer import paragraphs
from recurse_reports.subject import Subject

if TYPE_CHECKING:
    from recurse.store import Store

__all__ = ["MissingLibrary", "answer", "gallery", "render", "told", "write"]

Format = Literal["html", "md"]
_INDEX = "readme"  # of a gallery; no page has its name


def answer(store: Store, scenario: str) -> tuple[str, ...]:
    """The answer in words, a paragraph per metric; needs no drawing library.

    Raises:
        StoreMissing: the store has no such scenario.
    """
    return paragraphs(Subject(store, scenario))


def told(store: Store, scenario: str, out: Path | None = None) -> tuple[str, ...]:
    """The answer as `answer` has it; the page as well, written to ``out`` if that is a file.

    Raises:
        StoreMissing, OSError: as `write`.
    """
    subject = Subject(store, scenario)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(html.page([Page.of(subject, {_INDEX})]), encoding="utf-8")
    return paragraphs(subject)


def render(
    store: Store,
    scenarios: str | Iterable[str] | None = None,
    format: Format = "html",
    interactive: bool = False,
) -> str:
    """The report as text: one offline HTML page, or Markdown that refers to figures beside it.

    Args:
        store: opened for reading; nothing else is read.
        scenarios: names, or one name; all by default.
        format: ``html`` or ``md``. The figures of Markdown are written by `write`.
        interactive: HTML only: adds the Vega library once, so that figures show their values.

    Raises:
        StoreMissing: the store has no such scenario.
        MissingLibrary: ``interactive``, and vl-convert is not installed.
    """
    pages = _pages(store, scenarios)
    if format == "html":
        return html.page(pages, interactive)
    return "\n\n".join(markdown.page(page) for page in pages)


def write(
    store: Store,
    out: str | Path,
    scenarios: str | Iterable[str] | None = None,
    format: Format = "html",
    interactive: bool = False,
) -> Path:
    """Write the report to the file ``out``, the figures of Markdown into folders beside it.

    Raises:
        StoreMissing, MissingLibrary: as `render`.
        OSError: the file cannot be written.
    """
    out = Path(out)
    pages = _pages(store, scenarios)
    out.parent.mkdir(parents=True, exist_ok=True)
    if format == "html":
        out.write_text(html.page(pages, interactive), encoding="utf-8")
        return out
    for page in pages:
        _figures(page, out.parent)
    out.write_text("\n\n".join(markdown.page(page) for page in pages), encoding="utf-8")
    return out


def gallery(
    store: Store, out: str | Path, scenarios: str | Iterable[str] | None = None
) -> tuple[Path, ...]:
    """A folder of Markdown: ``README.md`` as its index, a file and a figure folder per scenario.

    Figures that an earlier call left in these folders are removed. Returns what was written.

    Raises:
        StoreMissing, MissingLibrary, OSError: as `write`.
    """
    root = Path(out)
    root.mkdir(parents=True, exist_ok=True)
    pages = _pages(store, scenarios)
    written = [root / "README.md"]
    written[0].write_text(markdown.index(pages), encoding="utf-8")
    for page in pages:
        written += [root / f"{page.slug}.md", *_figures(page, root)]
        (root / f"{page.slug}.md").write_text(markdown.page(page), encoding="utf-8")
    return tuple(written)


def _pages(store: Store, scenarios: str | Iterable[str] | None) -> list[Page]:
    if scenarios is None:
        scenarios = store.scenarios()
    names = [scenarios] if isinstance(scenarios, str) else list(scenarios)
    taken = {_INDEX}
    return [Page.of(Subject(store, name), taken) for name in dict.fromkeys(names)]


def _figures(page: Page, root: Path) -> list[Path]:
    folder = root / page.slug
    files = markdown.files(page)
    for stale in [*folder.glob("*.svg"), *folder.glob("*.png")]:
        stale.unlink()
    if files:
        folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in files]
