"""Problems print as compilers do, as JSON and as GitHub annotations; sorted, each once."""

from __future__ import annotations

import json
import re

from recurse.reading.problems import Problem, Problems, RecurseError, Span, render

UNKNOWN = Problem(
    "E101",
    "unknown key",
    path="model.latentdim",
    hint="did you mean 'latent_dim'?",
    file="a.yaml",
    span=Span(7, 3, 7, 12),
)
MATCHER = re.compile(r"^(.+?):(\d+):(\d+): (error|warning)\[([A-Z]\d+)\]: (.+)$")


def test_the_text_form_is_what_problem_matchers_expect() -> None:
    text = "a.yaml:7:3: error[E101]: model.latentdim: unknown key; did you mean 'latent_dim'?"
    assert UNKNOWN.text() == text
    match = MATCHER.match(text)
    assert match is not None
    assert match.groups()[:5] == ("a.yaml", "7", "3", "error", "E101")


def test_places_that_are_not_known_are_left_out() -> None:
    assert Problem("E207", "x").text() == "error[E207]: x"
    assert Problem("E001", "x", file="a.yaml").text() == "a.yaml: error[E001]: x"


def test_text_from_a_file_cannot_break_the_line_or_the_terminal() -> None:
    problem = Problem("E101", "a\nb\x1b[31m\u2028", path="x\ry", file="f\ng")
    assert problem.text() == r"f\ng: error[E101]: x\ry: a\nb\x1b[31m\u2028"
    assert "\n" not in problem.github()


def test_json_is_complete_whatever_the_limit() -> None:
    rows = json.loads(render([UNKNOWN] * 30, "json", limit=5))
    assert len(rows) == 30
    assert rows[0] == {
        "code": "E101",
        "severity": "error",
        "file": "a.yaml",
        "line": 7,
        "column": 3,
        "end_line": 7,
        "end_column": 12,
        "path": "model.latentdim",
        "message": "unknown key",
        "hint": "did you mean 'latent_dim'?",
    }
    assert json.loads(render([Problem("E207", "x")], "json"))[0]["line"] is None


def test_github_annotations_are_escaped_and_stop_at_ten() -> None:
    problem = Problem("E104", "100%\n::error::x", file="a:b,c.yaml", span=Span(1, 2, 1, 4))
    assert problem.github() == (
        "::error file=a%3Ab%2Cc.yaml,line=1,col=2,endColumn=4,title=E104::100%25\\n::error::x"
    )
    lines = render([UNKNOWN] * 12, "github", limit=0).splitlines()
    assert len(lines) == 11
    assert lines[-1] == "::notice ::2 more problems"


def test_a_flag_is_not_shown_as_a_file_on_github() -> None:
    problem = Problem("E101", "unknown key", file="--set x=1", span=Span(1, 1, 1, 2))
    assert problem.github() == "::error title=E101::--set x=1: unknown key"


def test_people_see_twenty_and_how_to_see_the_rest() -> None:
    lines = render([UNKNOWN] * 27).splitlines()
    assert len(lines) == 21
    assert lines[-1] == "… 7 more (--max-errors 0)"
    assert len(render([UNKNOWN] * 27, limit=0).splitlines()) == 27
    assert "more" not in render([UNKNOWN] * 20)


def test_problems_are_sorted_by_position_and_each_is_kept_once() -> None:
    early, late = Problem("E109", "x", file="a.yaml", span=Span(2, 9, 2, 9)), UNKNOWN
    second = Problem("E101", "x", file="b.yaml", span=Span(1, 1, 1, 1))
    raised = Problems([second, late, early, late])
    assert raised.problems == (early, late, second)
    assert isinstance(raised, RecurseError)
    assert raised.exit_code == 2
    assert str(raised) == render(raised.problems)


def test_an_error_of_one_line_has_its_hint() -> None:
    error = RecurseError("no such cell", "see 'recurse ls'")
    assert str(error) == "no such cell; see 'recurse ls'"
    assert (error.message, error.hint) == ("no such cell", "see 'recurse ls'")
