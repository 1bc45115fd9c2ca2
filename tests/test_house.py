"""The rules of the house: short files and functions, a word on each file, no backend by name."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from recurse.planning.planner import check
from recurse.scenario.scenario import load
from tests import house

MODULES = house.modules()
SPECS = sorted((house.ROOT / "specs").glob("*.yaml"))


def test_a_file_is_short_and_says_what_it_is() -> None:
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 400, path
        assert house.summary(path), path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno is not None, path
                assert node.end_lineno - node.lineno < 60, f"{path}: {node.name}"


def test_a_docstring_names_a_thing() -> None:
    """A noun first, then the condition: "True if ..." in place of "Whether ..."."""
    unnamed = re.compile(r"(What|Whether|Which|How)\b|.*\bwhence\b", re.IGNORECASE | re.DOTALL)
    found = [
        f"{path.relative_to(house.ROOT)}:{node.lineno}: {node.value.value.splitlines()[0]}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node.value.value, str) and unnamed.match(node.value.value.strip())
    ]
    assert not found, "\n".join(found)


def test_the_lists_in_docs_have_a_line_for_every_file_and_spec() -> None:
    for file, _, block in house.lists():
        assert block in file.read_text(encoding="utf-8"), "run: python tests/house.py"


def test_no_module_and_no_folder_imports_in_circles() -> None:
    """Circles of modules, and of folders within a package; imports for types alone count."""
    modules = house.imports()
    _sorted(modules)
    folders: dict[str, set[str]] = {}
    for name, imported in modules.items():
        here = _folder(name)
        folders.setdefault(here, set()).update({_folder(other) for other in imported} - {here})
    _sorted(folders)


def _folder(name: str) -> str:
    return ".".join(name.split(".")[:2])


def _sorted(graph: Mapping[str, set[str]]) -> None:
    """Raises CycleError, which names the circle."""
    TopologicalSorter(graph).prepare()


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
    assert scenario.meta["topic"] in house.TOPICS
