"""The output of commands: text alone into pipes, JSON that parses, tables that come back whole."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from recurse import load
from recurse.cli import exporting, main
from recurse.store import Store, StoreWriter
from recurse.store.records import ScenarioRecord

COMMANDS = [
    ("--help",),
    ("run", "--help"),
    ("validate", "{spec}"),
    ("plan", "{spec}", "--store", "{store}"),
    ("run", "{spec}", "--store", "absent", "--select", "nothing"),
    ("status", "--store", "{store}"),
    ("ls", "tiny", "--store", "{store}"),
    ("show", "tiny", "--store", "{store}"),
    ("why", "policy=replace@0", "--store", "{store}"),
    ("kinds",),
    ("db", "sql", "from v_claims", "--store", "{store}"),
]
BOXES = set("│─╭╮╰╯┃━┏┓┗┛")


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_pipes_get_text_alone(
    call: Any, spec: Path, finished: Path, arguments: tuple[str, ...]
) -> None:
    said = call(*(text.format(spec=spec, store=finished) for text in arguments))
    for text in (said.out, said.err):
        assert "\x1b" not in text
        assert not BOXES & set(text)


def test_colours_are_written_when_asked_for(call: Any, spec: Path, finished: Path) -> None:
    asked = call("show", "tiny", "--store", finished, "--color", "always")
    assert "\x1b[" in asked.out
    assert call("--color", "always", "show", "tiny", "--store", finished) == asked
    assert "\x1b" not in call("show", "tiny", "--store", finished).out


def test_quiet_leaves_results_and_errors(call: Any, spec: Path) -> None:
    assert call("validate", spec, "-q") == (0, "", "")
    assert call("-q", "validate", spec) == (0, "", "")
    assert call("validate", "absent.yaml", "-q").err == ""
    assert "E001" in call("validate", "absent.yaml", "-q").out


@pytest.mark.parametrize(
    "command", ["status", "ls", "ls tiny", "show tiny", "why policy=replace@0"]
)
def test_json_parses(call: Any, finished: Path, command: str) -> None:
    assert json.loads(call(*command.split(), "--store", finished, "--format", "json").out)


def test_the_plan_as_json_is_the_plan(call: Any, spec: Path, finished: Path) -> None:
    found = json.loads(call("plan", spec, "--store", finished, "--format", "json").out)
    assert {cell["status"] for cell in found["cells"]} == {"cached"}
    assert found["blocks"] == []
    call("plan", spec, "--store", finished, "--format", "json", "-o", "plan.json")
    assert json.loads(Path("plan.json").read_text()) == found


def test_tables_come_back_whole(call: Any, finished: Path) -> None:
    with Store(finished) as store:
        stored = store.metrics("tiny")
    base = ("export", "tiny", "--store", finished, "--what", "metrics")
    assert pl.read_csv(io.StringIO(call(*base).out)).equals(stored)
    rows = json.loads(call(*base, "--format", "json").out)
    assert rows == stored.to_dicts()
    call(*base, "-o", "metrics.parquet")
    assert pl.read_parquet("metrics.parquet").equals(stored)


def test_an_exported_spec_is_the_same_scenario(call: Any, spec: Path, finished: Path) -> None:
    call("export", "tiny", "--store", finished, "--what", "spec", "-o", "again.yaml")
    assert load("again.yaml").arms == load(spec).arms
    said = call("plan", "again.yaml", "--store", finished)
    assert "12 cached" in said.out


def test_spreadsheets_run_nothing() -> None:
    texts = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "a=b", "5"]
    frame = pl.DataFrame({"text": texts, "number": [-1.5] * len(texts)})
    written = str(exporting.encode(frame, "csv"))
    found = list(csv.DictReader(io.StringIO(written, newline="")))
    assert [row["text"] for row in found] == [*("'" + text for text in texts[:6]), "a=b", "5"]
    assert {row["number"] for row in found} == {"-1.5"}


def test_json_has_no_nan() -> None:
    frame = pl.DataFrame({"value": [float("nan"), float("inf"), 1.0]})
    assert json.loads(exporting.encode(frame, "json")) == [
        {"value": None},
        {"value": None},
        {"value": 1.0},
    ]


def test_reports_are_written_where_asked(call: Any, finished: Path) -> None:
    base = ("report", "--store", finished)
    assert call(*base, "-o", "page.html").out == "page.html\n"
    assert "</html>" in Path("page.html").read_text()
    assert call(*base, "tiny", "-o", "page.md").out == "page.md\n"
    assert call(*base, "--format", "md", "-o", "gallery").out == "gallery/README.md\n"
    assert Path("gallery", "tiny.md").is_file()


def test_why_tells_what_changed(call: Any, spec: Path, finished: Path) -> None:
    base = ("why", "policy=replace@0", "--store", finished)
    same = call(*base).out
    assert "cached: stored" in same
    assert "generations 0..3 were computed with backend numpy" in same
    other = call(*base[:2], spec, *base[2:], "-s", "source.noise=2.0").out
    assert "source.noise: default -> 2" in other
    (cell,) = json.loads(call(*base, "--format", "json").out)
    by_id = json.loads(call("why", cell["cell"][:12], "--store", finished, "--format", "json").out)
    assert by_id == [cell]


def test_a_reader_that_stops_is_no_error(finished: Path) -> None:
    command = [sys.executable, "-m", "recurse"]
    command += ["export", "tiny", "--store", str(finished), "--what", "metrics"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_request_to_end_keeps_what_is_done(spec: Path, tmp_path: Path) -> None:
    """As batch systems send it: what is done is kept, and the last line says how to go on."""
    long = ["--set", "generations=100000", "--set", "seeds=50"]
    command = [sys.executable, "-m", "recurse", "run", str(spec), *long, "--store", "ended"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    stage = tmp_path / "ended" / "stage"
    while not (stage.exists() and any(stage.iterdir())) and process.poll() is None:
        time.sleep(0.02)
    process.terminate()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 143
    assert said.splitlines()[-1].startswith("interrupted; what is done is kept. To continue: ")


def test_validate_imports_nothing_heavy(spec: Path) -> None:
    heavy = "torch jax flax optax duckdb polars altair sklearn rich".split()
    script = (
        "import sys; from recurse.cli import main; code = main(sys.argv[1:]); "
        f"print(code, [m for m in {heavy} if m in sys.modules])"
    )
    command = [sys.executable, "-c", script, "validate", str(spec), "digits-vae"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "0 []\n"


def test_the_same_process_can_call_it_twice(call: Any, spec: Path) -> None:
    assert call("validate", spec, "-q").err == ""
    assert call("validate", spec).err == f"ok: {spec}\n"
    assert main(["--version"]) == 0


def test_a_foreign_store_names_no_file_outside_of_its_reports(call: Any, tmp_path: Path) -> None:
    """Names of scenarios that lead elsewhere are neither listed nor written."""
    root, victim = tmp_path / "runs", tmp_path / "victim"
    scenario = ScenarioRecord(str(victim), "t", "c", "q", {"n": 1}, "d")
    with StoreWriter(root, minimum_free=0) as writer:
        writer.begin_run(scenario, [], {})
        writer.begin_run(replace(scenario, scenario="../x"), [], {})
    assert call("ls", "--store", str(root)).out.count("\n") <= 1
    for name in (str(victim), "../x"):
        found = call("report", name, "--store", str(root))
        assert found.code == 2 and "not made of" in found.err
    assert call("report", "--store", str(root)).code == 2
    assert not [path for path in tmp_path.rglob("*.html")] and not victim.exists()
