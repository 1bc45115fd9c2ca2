"""Titles of panels: as wide as the panel, as many lines as their neighbours."""

from __future__ import annotations

from recurse_reports.charts import LETTER, headings


def test_titles_take_one_line_where_they_can() -> None:
    assert headings(["replace", "accumulate"], 200) == ["replace", "accumulate"]
    assert headings([], 200) == []


def test_long_titles_break_at_commas_and_all_get_as_many_lines() -> None:
    names = ["fresh", "order 3, replace, n = 180, symbols 3", "one" * 40]
    found = headings(names, 26 * LETTER)
    assert found[:2] == [["", "fresh"], ["order 3, replace,", "n = 180, symbols 3"]]
    assert all(len(lines) == 2 and max(map(len, lines)) <= 26 for lines in found)


def test_a_title_of_three_lines_is_cut() -> None:
    (lines,) = headings(["alpha, " * 9], 20 * LETTER)
    assert len(lines) == 2 and lines[1].endswith(" …")
