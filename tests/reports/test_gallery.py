"""The gallery in the repository: a page and an entry for every shipped spec, as it is now."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from recurse_reports.markdown import escaped
from recurse_reports.words import symbols

from recurse.scenario.shipped import Shipped, shipped

GALLERY = Path(__file__).parents[2] / "reports" / "gallery"


@pytest.mark.parametrize("spec", shipped().values(), ids=lambda spec: spec.name)
def test_a_shipped_spec_has_a_page_with_its_title(spec: Shipped) -> None:
    text = (GALLERY / f"{spec.name}.md").read_text(encoding="utf-8")
    assert escaped(symbols(spec.title)) in symbols(text)
    assert f"]({spec.name}.md)" in (GALLERY / "README.md").read_text(encoding="utf-8")
    for figure in re.findall(r"\]\(([^):]+\.(?:svg|png))\)", text):
        assert (GALLERY / figure).is_file(), figure


def test_there_is_no_page_of_a_spec_that_is_gone() -> None:
    pages = {path.stem for path in GALLERY.glob("*.md")} - {"README"}
    assert pages == set(shipped())


def test_the_gallery_stays_small() -> None:
    """Markdown, vector figures and small pictures: a repository is no place for data."""
    files = [path for path in GALLERY.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {".md", ".svg", ".png"}
    assert sum(path.stat().st_size for path in files) < 12e6
