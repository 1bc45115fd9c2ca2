"""The package of docs/plugins.md, installed from the page as it stands, and its spec run."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import array_api_strict
import numpy as np
import pytest

from recurse.metrics import View
from recurse.store.reader import Store
from tests.house import ROOT
from tests.plugins.packages import call, files, install


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the package is installed."""
    return install(contents(), tmp_path_factory.mktemp("docs"))


def contents() -> dict[str, str]:
    return files((ROOT / "docs" / "plugins.md").read_text(encoding="utf-8"))


def test_the_page_has_the_files_that_it_lists() -> None:
    assert set(contents()) == {
        "pyproject.toml",
        "recurse_anchored/__init__.py",
        "recurse_anchored/policy.py",
        "recurse_anchored/corrector.py",
        "recurse_anchored/metric.py",
        "anchored.yaml",
    }


def test_kinds_are_found_by_entry_point(site: Path, tmp_path: Path) -> None:
    said = call(site, "kinds", folder=tmp_path)
    assert said.code == 0, said
    for name in ("anchored", "clip", "reach"):
        assert f" {name} " in said.out


def test_the_spec_of_the_page_runs_and_means_what_it_says(site: Path, tmp_path: Path) -> None:
    (tmp_path / "anchored.yaml").write_text(contents()["anchored.yaml"], encoding="utf-8")
    sets = ["--set", "seeds=6", "--set", "generations=5"]
    said = call(site, "run", "anchored.yaml", "--no-report", *sets, folder=tmp_path)
    assert said.code == 0, said
    with Store(tmp_path / "runs") as store:
        assert store.metrics(metric="reach").height == 2 * 6 * 6
        assert set(store.metrics()["metric"]) == {"variance_ratio", "reach", "corrected_share"}
        rows = store.schedule("anchored").to_dicts()
        mine = [row for row in rows if "anchored" in row["arm"] and row["generation"] == 5]
        last = [(row["pool"], row["born"], row["until"], row["take"]) for row in mine]
        assert last == [("real", 0, 0, 50), ("synthetic", 3, 5, 50)]
        versions = store.sql("SELECT versions ->> 'recurse-anchored' AS v FROM runs")["v"].to_list()
        assert versions == ["1.0.0"]


@pytest.mark.parametrize("xp", [np, array_api_strict], ids=["numpy", "strict"])
def test_its_arrays_are_what_the_page_says(xp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing but the array API, as the page promises for every backend."""
    clip = defined("corrector", monkeypatch)["Clip"](limit=2.0)
    x = xp.asarray([[[1.0, -3.0], [2.0, 5.0]], [[0.0, 0.0], [0.0, 2.5]]])
    batch, share = clip.correct(xp, {"x": x}, None, {})
    np.testing.assert_array_equal(np.asarray(batch.fields["x"])[0], [[1.0, -2.0], [2.0, 2.0]])
    np.testing.assert_array_equal(np.asarray(share), [0.5, 0.25])
    reach = defined("metric", monkeypatch)["Reach"](samples=1)
    found = reach.measure(xp, View({}, {}, {"x": x}, {}, {}))
    np.testing.assert_array_equal(np.asarray(found), [3.0, 0.0])


def defined(module: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names that a module of the page defines."""
    made = types.ModuleType(f"page_{module}")
    monkeypatch.setitem(sys.modules, made.__name__, made)
    exec(compile(contents()[f"recurse_anchored/{module}.py"], module, "exec"), made.__dict__)
    return made.__dict__
