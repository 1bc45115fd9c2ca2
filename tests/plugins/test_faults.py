"""Installed kinds that are wrong: named with their package, fatal for their own cells alone."""

from __future__ import annotations

import re
import sys
from functools import partial
from pathlib import Path

import pytest

from recurse.backend import backends
from recurse.spec import BadPlugin, kinds, provider
from recurse.store.reader import Store
from tests.plugins.packages import call, install

PROJECT = """\
[project]
name = "recurse-odd"
version = "2.5"
"""
ODD = """\
import os
import sys
from typing import Annotated, Literal

import numpy as np

from recurse.claims import Claim
from recurse.correctors import Corrector
from recurse.metrics import Metric
from recurse.numerics.arrays import Batch
from recurse.policies import Policy
from recurse.schedule import REAL, Row, Use, made

os.write(1, b"hello from a plug-in\\n")


class Raises(Metric):
    kind: Literal["raises"] = "raises"

    def measure(self, xp, view):
        raise RuntimeError("no luck")


class Wide(Metric):
    kind: Literal["wide"] = "wide"

    def measure(self, xp, view):
        return view.params["mean"]


class Text(Metric):
    kind: Literal["text"] = "text"

    def measure(self, xp, view):
        return "three"


class Never(Metric):
    kind: Literal["never"] = "never"

    def measure(self, xp, view):
        return view.params["mean"][:, 0] * float("nan")


class Forgetful(Policy):
    kind: Literal["forgetful"] = "forgetful"

    def row(self, generation, real, synthetic, fresh):
        old = made(1, 1, synthetic) if generation in (1, 3) else ()
        return Row(generation, synthetic, 0, (Use(REAL, real), *old))


class Torn(Policy):
    kind: Literal["torn"] = "torn"

    def row(self, generation, real, synthetic, fresh):
        return {}["row"]


class Angry(Claim):
    kind: Literal["angry"] = "angry"

    def statement(self):
        return "nothing in particular"

    def judge(self, series, folder=None):
        raise ValueError("no opinion")


class Short(Corrector):
    kind: Literal["short"] = "short"

    def correct(self, xp, batch, prepared, draws):
        return Batch({"x": batch["x"][:, 1:]}), xp.zeros_like(batch["x"][:, 0, 0])


class Pair(Corrector):
    kind: Literal["pair"] = "pair"

    def correct(self, xp, batch, prepared, draws):
        return None
"""
KINDS = {
    "metric": ["Raises", "Wide", "Text", "Never"],
    "policy": ["Forgetful", "Torn"],
    "corrector": ["Short", "Pair"],
    "claim": ["Angry"],
}
SPEC = """\
version: 1
name: odd
source: {kind: gaussian, dim: 2}
model: gaussian
samples: {real: 20, synthetic: 20}
generations: 4
seeds: 3
backend: numpy
policy: replace
metrics: [mean_error]
"""


def entry_points(kinds: dict[str, list[str]]) -> str:
    lines = []
    for role, names in kinds.items():
        lines.append(f'[project.entry-points."recurse.{role}"]')
        lines += [f'{name.lower()} = "recurse_odd:{name}"' for name in names]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the odd package is installed."""
    contents = {"pyproject.toml": PROJECT + entry_points(KINDS), "recurse_odd/__init__.py": ODD}
    return install(contents, tmp_path_factory.mktemp("odd"))


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "odd.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("axis", "words"),
    [
        (
            "metrics: [[mean_error], [raises], [wide], [text]]",
            [
                "metric 'raises' of recurse-odd 2.5 failed: RuntimeError: no luck",
                "metric 'wide' of recurse-odd 2.5 measures an array [3, 2], not one number per "
                "replicate [3]",
                "metric 'text' of recurse-odd 2.5 measures",
            ],
        ),
        (
            "corrector: [none, short, pair]",
            [
                "corrector 'short' of recurse-odd 2.5 hands on 19 samples (x), not 20",
                "this may be a fault of corrector 'pair' of recurse-odd 2.5",
            ],
        ),
    ],
)
def test_a_kind_that_fails_at_work_is_named_and_fails_its_arm(
    site: Path, tmp_path: Path, spec: Path, axis: str, words: list[str]
) -> None:
    said = call(site, "run", spec, "--no-report", "-s", f"matrix={{{axis}}}", folder=tmp_path)
    assert said.code == 1, said
    assert all(text in said.err for text in words), said.err
    assert "bug in recurse" not in said.err and "Traceback" not in said.err
    broken = 3 * len(words)
    assert f"3 cells run, {broken} failed" in said.out
    with Store(tmp_path / "runs") as store:
        assert sorted(store.cells()["status"]) == ["complete"] * 3 + ["partial"] * broken


@pytest.mark.parametrize(
    ("policy", "code", "words"),
    [
        (
            "forgetful",
            "E213",
            "'forgetful': generation 3 takes 20 samples of synthetic[1], of which generation 2 did "
            "not use so many",
        ),
        ("torn", "E214", "policy 'torn' of recurse-odd 2.5 failed: KeyError: 'row'"),
    ],
)
def test_a_policy_with_impossible_rows_is_refused_with_its_place(
    site: Path, tmp_path: Path, spec: Path, policy: str, code: str, words: str
) -> None:
    spec.write_text(SPEC.replace("policy: replace", f"policy: {policy}"), encoding="utf-8")
    for command in ("validate", "run"):
        said = call(site, command, spec, folder=tmp_path)
        assert said.code == 2
        assert f"odd.yaml:9:9: error[{code}]: policy: {words}" in said.out + said.err
    assert not (tmp_path / "runs").exists()


def test_a_metric_that_is_never_a_number_is_a_warning_everywhere(
    site: Path, tmp_path: Path, spec: Path
) -> None:
    words = "metric 'never' was not a number (NaN) in any generation of any seed"
    run = ("run", spec, "-s", "metrics=[mean_error, never]")
    claim = "claims=[{kind: angry, metric: mean_error}]"
    said = call(site, *run, folder=tmp_path)
    assert said.code == 0, said
    assert f"warning: replace: {words}" in said.err and "'mean_error' was not" not in said.err
    assert words in call(site, "plan", *run[1:], folder=tmp_path).out
    again = call(site, *run, "-s", claim, "--no-report", folder=tmp_path)
    assert again.code == 1 and "bug in recurse" not in again.err
    assert "claim 'angry' of recurse-odd 2.5 failed: ValueError: no opinion" in again.out
    assert "nothing to run" in again.out and f"warning: replace: {words}" in again.err
    with Store(tmp_path / "runs") as store:
        notes = [(row["about"], row["note"]) for row in store.notes("odd").to_dicts()]
    assert notes.count(("metric", words)) == 1 and len([n for n in notes if words in n[1]]) == 1
    (page,) = (tmp_path / "runs" / "reports").glob("odd*.html")
    assert words.partition("'never'")[2] in page.read_text(encoding="utf-8")


METRIC = """\
from typing import Literal
from recurse.metrics import Metric
class A(Metric):
    kind: Literal['{kind}'] = '{kind}'
    needs = {needs}
"""


@pytest.mark.parametrize(
    ("group", "name", "code", "words"),
    [
        ("metric", "mine", METRIC.format(kind="mine", needs="()"), ""),
        ("metric", "w2", METRIC.format(kind="w2", needs="()"), "recurse itself has a kind of that"),
        ("metric", "mine", METRIC.format(kind="yours", needs="()"), "its class says kind 'yours'"),
        (
            "metric",
            "mine",
            METRIC.format(kind="mine", needs="('samples',)"),
            "TypeError: A: a metric with 'samples' among its needs is a Sampled, and no other",
        ),
        ("metric", "mine", "class A: pass", "recurse_bad:A is no subclass of Metric"),
        ("metric", "mine", "import absent_module", "ModuleNotFoundError: No module named 'absent"),
        ("backends", "mine", "raise OSError('broken')", "OSError: broken"),
        ("backends", "numpy", "A = 1", "another distribution has one of that name"),
    ],
)
def test_a_package_that_cannot_be_used_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: str, name: str, code: str, words: str
) -> None:
    (tmp_path / "recurse_bad.py").write_text(code, encoding="utf-8")
    about = tmp_path / "recurse_bad-0.1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: recurse-bad\nVersion: 0.1\n")
    (about / "entry_points.txt").write_text(f"[recurse.{group}]\n{name} = recurse_bad:A\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "recurse_bad", raising=False)
    ask = backends.__wrapped__ if group == "backends" else partial(kinds.__wrapped__, group)
    if not words:
        assert provider(ask()[name]) == "recurse-bad 0.1"
        return
    with pytest.raises(BadPlugin, match=re.escape(words)) as raised:
        ask()
    said = str(raised.value)
    if "another" not in words:  # which of two distributions is found first is up to the path
        assert said.startswith(f"{group.removesuffix('s')} '{name}' of recurse-bad 0.1 cannot be")
    assert said.endswith("mend that package, or uninstall it")


def test_such_a_package_ends_every_command_with_one_line(tmp_path: Path, spec: Path) -> None:
    project = PROJECT + '[project.entry-points."recurse.policy"]\nreplace = "recurse_odd:Torn"\n'
    contents = {"pyproject.toml": project, "recurse_odd/__init__.py": ODD}
    said = call(install(contents, tmp_path), "validate", spec, folder=tmp_path)
    assert said.code == 2
    assert said.err == (
        "error: policy 'replace' of recurse-odd 2.5 cannot be used: recurse itself has a kind of "
        "that name; mend that package, or uninstall it\n"
    )
