"""The rules of the house: short files and functions, a word on each file, no backend by name."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from recurse.planning.planner import check
from recurse.scenario.scenario import load
from tests import house

MODULES = house.modules()
SPECS = sorted((house.ROOT / "specs").glob("*.yaml"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(house.ROOT)))
def test_a_file_is_short_and_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    assert house.summary(path)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None and node.end_lineno - node.lineno < 60, node.name


def test_the_readme_has_a_line_for_every_file_and_spec() -> None:
    readme = (house.ROOT / "README.md").read_text(encoding="utf-8")
    for _, block in house.blocks():
        assert block in readme, "run: python tests/house.py"


def test_the_core_compares_no_backend_name_with_a_string() -> None:
    pattern = re.compile(r"""backend(\.name)?\s*[!=]=\s*["']|["'](torch|jax)["']\s*[!=]=""")
    core = [p for p in MODULES if p.is_relative_to(house.ROOT / "recurse")]
    found = [p.name for p in core if pattern.search(p.read_text(encoding="utf-8"))]
    assert not found


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_shipped_spec_is_accepted_and_carries_the_modeline(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=./recurse.schema.json"
    scenario = load(path)
    check(scenario)
    assert scenario.name == path.stem and scenario.cite and scenario.question and scenario.claims
