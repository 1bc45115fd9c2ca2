"""The file and the command lines of the README, as they stand there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Call
from tests.house import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCES = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
LINES = [
    shlex.split(line, comments=True)[1:]
    for language, text in FENCES
    if language == "sh"
    for line in text.splitlines()
    if line.startswith("recurse ")
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the README's file and a table, and with the specs where the README has them."""
    (mine,) = [text for _, text in FENCES if text.startswith("# mine.yaml")]
    (tmp_path / "mine.yaml").write_text(mine, encoding="utf-8")
    rows = np.random.default_rng(1).normal(size=(300, 2))
    np.savetxt(tmp_path / "mine.csv", rows, delimiter=",", header="a,b", comments="")
    (tmp_path / "specs").symlink_to(ROOT / "specs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_a_line_works(line: list[str], call: Call, folder: Path) -> None:
    """With fewer seeds; shipped specs are planned here and run in ``tests/specs``."""
    if line[:2] == ["run", "mine.yaml"]:
        line = [*line, "--set", "seeds=4", "--set", "generations=2", "--no-report"]
    elif line[0] == "run":
        line = ["plan", *line[1:]]
    elif line[0] == "init":
        (folder / line[1]).unlink()
    said = call(*line)
    assert said.code == 0, said
