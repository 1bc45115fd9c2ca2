"""Exit codes and what is said with them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from recurse.store.reader import Store

FINE = [
    ("--version",),
    ("--help",),
    ("validate", "{spec}"),
    ("plan", "{spec}"),
    ("show", "{spec}"),
    ("kinds",),
    ("kinds", "--role", "model"),
    ("schema",),
    ("init", "--list"),
    ("init", "-"),
    ("doctor",),
]
REFUSED = [
    ((), "Usage:"),
    (("rn",), "Did you mean 'run'?"),
    (("plan", "{spec}", "--nope"), "--nope"),
    (("validate",), "SPEC"),
    (("validate", "{spec}", "--format", "sarif"), "sarif"),
    (("run", "absent.yaml"), "absent.yaml: error[E001]: no such file"),
    (("plan", "quikstart"), "did you mean 'quickstart'?"),
    (("plan", "{folder}"), "error[E001]: no .yaml or .yml file"),
    (("plan", "{spec}", "-s", "model.ridg=1"), "--set model.ridg=1:1:1: error[E101]: model.ridg"),
    (("plan", "{spec}", "-s", "seeds"), "--set seeds: error[E017]"),
    (("plan", "{spec}", "--select", "policy=replac"), "did you mean 'policy=replace'"),
    (("run", "{spec}", "--select", "kind:vae"), "--select kind:vae: error[E303]: selects no arm"),
    (("run", "{spec}", "-s", "samples.real=3"), "error[E204]"),
    (("status", "--store", "absent"), "no store at absent"),
    (("ls", "nope", "--store", "{store}"), "it has: tiny"),
    (("export", "nope", "--store", "{store}"), "it has: tiny"),
    (("export", "tiny", "--store", "{store}", "--format", "parquet"), "-o FILE"),
    (("report", "nope", "--store", "{store}"), "it has: tiny"),
    (("why", "zz", "--store", "{store}"), "no cell 'zz'"),
    (("kinds", "replac"), "did you mean 'replace'?"),
    (("kinds", "--role", "models"), "known: source, model"),
    (("db", "sql", "drop table metrics", "--store", "{store}"), "read-only"),
    (("db", "sql", "from read_text('/etc/passwd')", "--store", "{store}"), "disabled"),
]


@pytest.fixture
def fill(spec: Path, finished: Path, tmp_path: Path) -> Any:
    """Puts real paths into a row of the tables above."""
    (tmp_path / "nothing").mkdir()
    names = {"spec": spec, "store": finished, "folder": tmp_path / "nothing"}
    return lambda arguments: [text.format(**names) for text in arguments]


@pytest.mark.parametrize("arguments", FINE, ids=" ".join)
def test_code_0(call: Any, fill: Any, arguments: tuple[str, ...]) -> None:
    said = call(*fill(arguments))
    assert said.code == 0
    assert said.out or said.err == "ok: " + fill(["{spec}"])[0] + "\n"


@pytest.mark.parametrize(("arguments", "words"), REFUSED, ids=lambda value: str(value)[:40])
def test_code_2(call: Any, fill: Any, arguments: tuple[str, ...], words: str) -> None:
    said = call(*fill(arguments))
    assert said.code == 2
    assert words in said.err + (said.out if arguments[:1] == ("validate",) else "")
    assert arguments[:1] == ("validate",) or said.out == ""
    assert "Traceback" not in said.err


def test_every_command_has_help_that_is_not_cut(call: Any) -> None:
    said = call("--help")
    assert "..." not in said.out.split("Commands:")[1].replace(", ...", "")


def test_validate_reports_every_problem_of_every_file(
    call: Any, tmp_path: Path, spec: Path
) -> None:
    wrong = spec.read_text().replace("seeds: 6", "sedes: 6").replace("dim: 3", "dim: zero")
    (tmp_path / "wrong.yaml").write_text(wrong)
    said = call("validate", spec, "wrong.yaml", "absent.yaml")
    assert said.code == 2
    lines = said.out.splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        "wrong.yaml:4:40",
        "wrong.yaml:8:1",
        "absent.yaml",
    ]
    assert "did you mean 'seeds'?" in said.out or "'seeds'" in lines[1]
    assert said.err == "1 ok, 2 with problems\n"


def test_validate_for_programs(call: Any, spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = ("validate", spec, "-s", "seeds=0")
    (problem,) = json.loads(call(*wrong, "--format", "json").out)
    assert (problem["code"], problem["path"]) == ("E105", "seeds")
    assert problem["file"] == "--set seeds=0"
    assert json.loads(call("validate", spec, "--format", "json").out) == []
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert call(*wrong).out.startswith("::error ")
    assert call(*wrong, "--format", "text").out.startswith("--set seeds=0:1:7: error[E105]")


def test_no_more_problems_than_asked_for(call: Any, spec: Path) -> None:
    wrong = ("validate", spec, "-s", "seeds=0", "-s", "generations=-1", "-s", "metrics=[]")
    assert len(call(*wrong, "--max-errors", "2").out.splitlines()) == 3
    assert len(call(*wrong, "--max-errors", "0").out.splitlines()) == 3
    assert "1 more (--max-errors 0)" in call(*wrong, "--max-errors", "2").out


@pytest.mark.parametrize("command", ["kinds", "ls --store {store}", "run {spec}"])
def test_a_closed_output_is_said_in_one_line(fill: Any, tmp_path: Path, command: str) -> None:
    line = f"{sys.executable} -m recurse {' '.join(fill(command.split()))} >&-"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == ("error: standard output is closed: send it to a file, or to /dev/null\n")


def test_with_all_else_closed_a_run_does_its_work(spec: Path, tmp_path: Path) -> None:
    """No file of the store gets the number of a standard stream, where libraries print."""
    store = tmp_path / "runs"
    line = f"exec {sys.executable} -m recurse run {spec} --store {store} --no-report <&- 2>&-"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "12 cells run" in done.stdout
    assert Store(store).metrics().height == 48


def test_a_full_disk_behind_the_output_is_said(spec: Path) -> None:
    line = f"{sys.executable} -m recurse kinds > /dev/full"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "error: reading or writing failed: No space left on device\n"
