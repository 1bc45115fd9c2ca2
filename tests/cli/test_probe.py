"""``recurse probe``: what it measures is shown, stored, and chosen by from then on."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Call


def test_a_plan_chooses_among_what_was_measured(call: Call, spec: Path) -> None:
    before = call("plan", spec)
    assert "width " not in before.out
    said = call("probe", spec, "--select", "policy=replace")
    assert said.code == 0, said.err
    header, *rows = said.out.splitlines()
    assert header.split() == ["ARM", "BACKEND", "WIDTH", "US", "EACH", "COMPILE", "S"]
    assert [row.split()[1:3] for row in rows] == [["numpy", "6"]]
    after = call("plan", spec).out
    assert after.count("width       6: the only width measured") == 1
    assert call("run", spec, "--no-report").code == 0


def test_measurements_as_data(call: Call, spec: Path) -> None:
    found = json.loads(call("probe", spec, "--format", "json").out)
    assert [(row["arm"], row["width"]) for row in found] == [
        ("policy=replace", 6),
        ("policy=accumulate", 6),
    ]
    assert all(row["microseconds"] > 0 for row in found)
    assert not list(Path("runs").glob("probe-*"))


def test_a_bad_spec_measures_nothing(call: Call, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("version: 1\nname: bad\n", encoding="utf-8")
    said = call("probe", bad)
    assert said.code == 2 and "bad.yaml" in said.err
    assert not Path("runs").exists()
