"""The pages: equal bytes, valid and closed HTML, nothing fetched, nothing run, nothing left out."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pytest
import recurse_reports
from recurse_reports import charts
from recurse_reports.blocks import Data, Table
from recurse_reports.page import comma_separated

from recurse.store import Store, StoreWriter
from tests.reports.fixture import FORMULA, SCRIPT, put_few, put_many

VOID = {"meta", "img", "br", "hr", "link", "input"}
LOADING = {"src", "href", "xlink:href", "srcset", "poster", "data", "action", "background"}


class Reader(HTMLParser):
    """Collects what the tests ask about; raises where tags do not nest."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        assert len(found) == len(attrs), f"an attribute twice in <{tag}>"
        self.tags.append((tag, found))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def page(store: Store) -> str:
    return recurse_reports.render(store)


def read(text: str) -> Reader:
    """The page as a browser's parser sees it; asserts that all tags are closed."""
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def test_same_bytes_again_and_in_another_process(store: Store, folder: Path, page: str) -> None:
    assert recurse_reports.render(store) == page
    code = (
        "import hashlib, sys, recurse_reports; from recurse.store import Store; "
        "text = recurse_reports.render(Store(sys.argv[1])); "
        "print(hashlib.sha256(text.encode()).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == hashlib.sha256(page.encode()).hexdigest()


def test_html_is_closed_and_ids_are_unique(page: str) -> None:
    reader = read(page)
    ids = [found["id"] for _, found in reader.tags if "id" in found]
    assert len(ids) == len(set(ids))
    for _, found in reader.tags:
        for name in ("aria-labelledby", "aria-describedby"):
            assert name not in found or found[name] in ids
        assert not found.get("href", "").startswith("#") or found["href"][1:] in ids
    for match in re.finditer(r"url\(#([^)]*)\)", page):
        assert match.group(1) in ids


@pytest.mark.parametrize("interactive", [False, True])
def test_nothing_is_fetched(store: Store, interactive: bool) -> None:
    text = recurse_reports.render(store, "digits-vae", interactive=interactive)
    reader = read(text)
    for tag, found in reader.tags:
        for name in LOADING & set(found):
            inside = found[name].startswith(("data:", "#"))
            link = tag == "a" and found[name].startswith("https://arxiv.org/abs/")
            assert inside or link, (tag, name, found[name][:80])
        assert "url(" not in found.get("style", "")
        assert tag not in ("link", "iframe", "object", "embed", "base", "form")
    styles = re.findall(r"<style>(.*?)</style>", text, re.S)
    assert styles
    assert all("url(" not in style and "@import" not in style for style in styles)
    (policy,) = [
        f["content"] for _, f in reader.tags if "Content-Security" in f.get("http-equiv", "")
    ]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")


def test_no_script_unless_interactive(store: Store, page: str) -> None:
    assert "<script" not in page
    assert "script-src" not in page
    live = read(recurse_reports.render(store, "gerstgrasser-linear", interactive=True))
    scripts = [found for tag, found in live.tags if tag == "script"]
    assert [s.get("type", "") for s in scripts].count("") == 2
    assert len(scripts) == 2 + sum(tag == "figure" for tag, _ in live.tags)


def test_every_figure_has_caption_and_data(page: str) -> None:
    figures = re.findall(r"<figure.*?</figure>", page, re.S)
    assert len(figures) == 9
    for figure in figures:
        caption = re.search(r"<figcaption[^>]*>(.*?)</figcaption>", figure, re.S)
        assert caption is not None
        assert re.search(r"\d|Share", caption.group(1))
        assert "<summary>Data</summary>" in figure
        assert "<caption>" in figure
        assert "<svg" in figure or "<img" in figure


def test_headings_go_down_one_step_at_a_time(page: str, store: Store) -> None:
    for text in (page, recurse_reports.render(store, "digits-vae")):
        levels = [int(tag[1]) for tag, _ in read(text).tags if re.fullmatch(r"h[1-6]", tag)]
        assert levels.count(1) == 1
        assert levels[0] == 1
        assert all(b <= a + 1 for a, b in pairwise(levels))


def test_sections_and_their_order(page: str) -> None:
    titles = re.findall(r"<h3[^>]*>(.*?)</h3>", page)
    first = ["Answer", "Curves", "In numbers", "Has it collapsed? It depends on the definition"]
    digits = [*first, "What each generation was trained on", "Samples by generation"]
    regression = [*first, "Claims", "What each generation was trained on", "Remarks"]
    assert titles == [*digits, "Cost", "Provenance", *regression, "Cost", "Provenance"]


def test_claims_failed_first_and_in_words(page: str) -> None:
    assert "2 of 3 claims hold, 1 failed." in page
    assert "What was published and does not hold: Table 2 counts from 0." in page
    verdicts = re.findall(r'<tr class="(\w+)"><th scope="row">(\w+)</th>', page)
    assert verdicts == [("bad", "failed"), ("good", "holds"), ("good", "holds")]


def test_sections_without_rows_leave_no_trace(tmp_path: Path) -> None:
    with StoreWriter(tmp_path) as writer:
        put_few(writer, np.ones((1, 3)))
    with Store(tmp_path) as store:
        text = recurse_reports.render(store)
    titles = re.findall(r"<h2[^>]*>(.*?)</h2>", text)
    assert titles == ["Curves", "Provenance"]
    for word in ("Claims", "Answer", "In numbers", "Cost", "Remarks"):
        assert f">{word}<" not in text


@pytest.fixture(scope="module")
def hostile_page(hostile: Store) -> str:
    return recurse_reports.render(hostile)


def test_hostile_texts_stay_text(hostile_page: str) -> None:
    reader = read(hostile_page)
    tags = {tag for tag, _ in reader.tags}
    assert "script" not in tags
    assert not any(name.startswith("on") for _, found in reader.tags for name in found)
    assert all(found.get("src", "data:").startswith("data:") for _, found in reader.tags)
    assert SCRIPT in "".join(reader.text)
    links = [found["href"] for _, found in reader.tags if "href" in found]
    assert all(link.startswith(("#", "data:text/csv;charset=utf-8,")) for link in links)


def test_hostile_texts_in_interactive_pages(hostile: Store) -> None:
    text = recurse_reports.render(hostile, interactive=True)
    reader = read(text)
    scripts = sum(tag == "script" for tag, _ in reader.tags)
    assert scripts == 2 + text.count('type="application/json"')
    assert "<script>alert" not in text


def test_hostile_names_stay_in_the_folder(hostile: Store, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "gallery"
    written = recurse_reports.gallery(hostile, out)
    assert len(written) > 5
    assert all(path.resolve().is_relative_to(out.resolve()) for path in written)
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == set(written)
    for path in written:
        if path.suffix == ".md":
            text = re.sub(r"^(```+)\n.*?^\1$", "", path.read_text(), flags=re.S | re.M)
            assert "<script" not in text
            assert "<img src=x" not in text
            assert not re.search(r"(?<!\\)\]\(http://evil", text)
        if path.suffix == ".svg":
            names = {element.tag for element in ElementTree.parse(path).iter()}
            assert not any(name.endswith("script") for name in names)


def test_csv_formulas_are_harmless(hostile_page: str) -> None:
    addresses = re.findall(r'href="data:text/csv;charset=utf-8,([^"]*)"', hostile_page)
    rows = [row for text in addresses for row in csv.reader(io.StringIO(unquote(text)))]
    assert any(row and row[0] == f"'{FORMULA}" for row in rows)
    assert not any(re.match(r"[=@+]", cell) for row in rows for cell in row)
    data = Data(Table("", (), ()), ("x",), [("-1",), (-1.5,), ("@a",)])
    assert comma_separated(data).split() == ["x", "'-1", "-1.5", "'@a"]


def test_gallery_is_small_and_complete(store: Store, tmp_path: Path) -> None:
    written = recurse_reports.gallery(store, tmp_path)
    again = {path: path.read_bytes() for path in written}
    for path, content in again.items():
        assert len(content) < 60_000, path
        if path.suffix == ".svg":
            assert ElementTree.fromstring(content).tag == "{http://www.w3.org/2000/svg}svg"
    for path in (path for path in written if path.suffix == ".md"):
        text = path.read_text()
        for name in re.findall(r'\]\((?!https?:)([^)]*)\)|src="([^"]*)"', text):
            assert (tmp_path / "".join(name)).is_file(), name
    stale = tmp_path / "digits-vae" / "old.svg"
    stale.write_text("<svg/>")
    recurse_reports.gallery(store, tmp_path)
    assert not stale.exists()
    assert all(path.read_bytes() == content for path, content in again.items())


def test_markdown_file_with_its_figures(store: Store, tmp_path: Path) -> None:
    path = recurse_reports.write(store, tmp_path / "out.md", "gerstgrasser-linear", "md")
    text = path.read_text()
    assert text == recurse_reports.render(store, "gerstgrasser-linear", "md")
    assert text.startswith("# Does a regression that is refitted on its own predictions collapse?")
    assert "*Claimed, not shown (1 claim failed): Replacing data diverges" in text
    assert (tmp_path / "gerstgrasser-linear" / "curves-excess_risk.svg").is_file()


def test_many_generations_stay_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    with StoreWriter(tmp_path) as writer:
        put_few(writer, rng.uniform(1, 2, (401, 3)))
    with Store(tmp_path) as store:
        text = recurse_reports.render(store)
    wide, narrow = re.findall(r"<svg.*?</svg>", text, re.S)
    assert len(wide) < 60_000 and len(narrow) < 60_000


def test_missing_library_names_the_extra(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(charts.MissingLibrary, match=r"pip install 'recurse-sim\[reports\]'"):
        recurse_reports.render(store, interactive=True)
    assert "<svg" in recurse_reports.render(store, "gerstgrasser-linear")


def test_a_page_asks_the_store_each_question_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every question reads all that any scenario has stored: a gallery cannot afford two."""
    asked: list[tuple[str, str]] = []
    for name in ("_query", "arrays"):
        real = getattr(Store, name)

        def counted(self: Store, *given: object, real: Any = real, name: str = name) -> object:
            asked.append((name, repr(given)))
            return real(self, *given)

        monkeypatch.setattr(Store, name, counted)
    recurse_reports.render(store, "gerstgrasser-linear")
    assert asked
    assert len(asked) == len(set(asked)), [one for one in asked if asked.count(one) > 1]


def test_many_arms_have_panels_of_their_own_and_stay_small(tmp_path: Path) -> None:
    """Twelve arms: a panel each; the file stays below 60 KB."""
    with StoreWriter(tmp_path) as writer:
        put_many(writer, 12, 100)
    with Store(tmp_path) as store:
        text = recurse_reports.render(store)
        (answer,) = recurse_reports.answer(store, "many")
    wide, narrow = re.findall(r"<svg.*?</svg>", text, re.S)
    assert len(wide) < 60_000 and len(narrow) < 60_000
    titles = re.findall(r">size (\d+)</text>", wide)
    assert titles == [str(place) for place in range(12)]
    assert answer.startswith("As model.size goes from 0 to 11, excess risk at generation 100 rises")
    assert "at 0, " in answer and "at 6 and " in answer and answer.endswith("Higher is worse.")
    assert "All arms in numbers" in text
