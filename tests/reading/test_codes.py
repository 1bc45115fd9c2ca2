"""The codes of problems: all of them explained, and every example gives what it says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import recurse
from recurse.planning.planner import check
from recurse.reading.codes import BASE, CODES
from recurse.reading.problems import Problem, Problems
from recurse.scenario.scenario import load
from tests.cli.conftest import Call
from tests.cli.conftest import call as call  # a fixture

SHOWN = [code for code, rule in CODES.items() if rule.wrong]


def refused(folder: Path, lines: str) -> tuple[Problem, ...]:
    """The problems of ``BASE`` with these lines in place of those of the same keys."""
    keys = re.findall(r"^(\w+):", lines, re.MULTILINE)
    kept = [line for line in BASE.splitlines() if line.partition(":")[0] not in keys]
    place = folder / "example.yaml"
    place.write_text("\n".join([*kept, lines, ""]), encoding="utf-8")
    try:
        check(load(place))
    except Problems as found:
        return found.problems
    return ()


@pytest.mark.parametrize("code", SHOWN)
def test_an_example_gives_its_code_and_its_mend_gives_none(code: str, tmp_path: Path) -> None:
    rule = CODES[code]
    assert {problem.code for problem in refused(tmp_path, rule.wrong)} == {code}
    assert not rule.right or not refused(tmp_path, rule.right)


def test_the_base_is_good(tmp_path: Path) -> None:
    assert not refused(tmp_path, "seeds: 20")


def test_every_code_in_the_source_is_explained_and_none_else() -> None:
    root = Path(recurse.__file__).parent
    texts = [p.read_text(encoding="utf-8") for p in root.rglob("*.py") if p.name != "codes.py"]
    used = {code for text in texts for code in re.findall(r"\b(E[0-4]\d\d)\b", text)}
    assert used == set(CODES)


def test_codes_are_in_order_and_in_sentences() -> None:
    assert list(CODES) == sorted(CODES)
    for code, rule in CODES.items():
        assert re.fullmatch(r"E[0-4]\d\d", code)
        assert rule.rule.endswith(".") and rule.mend.endswith(".")
        assert len(rule.mend) < 100 and not set(rule.wrong + rule.right) & {"\t"}
    assert len(SHOWN) >= 20


def test_the_command_explains_one_code_or_lists_all(call: Call) -> None:
    said = call("explain", "e205")
    assert said.code == 0
    assert said.out.splitlines() == [
        "E205: The schedule asks only for data that exist.",
        "  Ask for less, or give more real samples.",
        "  not  policy: {kind: accumulate_subsample, budget: 500}",
        "  but  policy: {kind: accumulate_subsample, budget: 100}",
    ]
    assert [line.split()[0] for line in call("explain").out.splitlines()[1:]] == list(CODES)
    assert json.loads(call("explain", "E008", "--format", "json").out)["right"] == "seeds: 20"


def test_an_unknown_code_is_refused_with_the_nearest(call: Call) -> None:
    said = call("explain", "E299")
    assert said.code == 2 and "there is no code 'E299'; did you mean E209" in said.err
    assert "'recurse explain' lists them" in call("explain", "nothing").err
