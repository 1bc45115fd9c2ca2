"""Names that may be files, and texts that may reach a terminal."""

from __future__ import annotations

import pytest

from recurse.reading.names import refusal, visible
from recurse.reading.problems import Problems
from recurse.scenario.scenario import load
from tests.reading.test_hints import SPEC

BAD = ["..", ".hidden", "-rf", "CON", "con.yaml", "lpt1", "a.", "a/b", "/abs/victim", "../x", ""]
BAD += ["a\x1b[2J", "a‮b", "x" * 65, "a b"]


@pytest.mark.parametrize("name", BAD)
def test_a_name_that_is_no_file_s_is_refused(name: str) -> None:
    reason = refusal(name)
    assert reason is not None and reason.isprintable()
    with pytest.raises(Problems) as raised:
        load({**SPEC, "name": name})
    assert raised.value.problems[0].path == "name"


@pytest.mark.parametrize("name", ["a", "2024.b-c_d", "console", "_x", "lpt10"])
def test_other_names_are_taken(name: str) -> None:
    assert refusal(name) is None and load({**SPEC, "name": name}).name == name


def test_what_would_steer_a_terminal_is_written_out() -> None:
    assert visible("a\x1b[2Jb\x07\x9b‮c\r") == "a\\x1b[2Jb\\x07\\x9b\\u202ec\\r"
    assert visible("tab\tand\nline é 日") == "tab\tand\nline é 日"
    painted = "\x1b[31mred\x1b[0m \x1b[8mhidden\x1b[2J"
    assert visible(painted, colours=True) == "\x1b[31mred\x1b[0m \\x1b[8mhidden\\x1b[2J"
