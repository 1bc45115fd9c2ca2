"""What laws state without computing anything, against the values that they compute when asked."""

from __future__ import annotations

import subprocess
import sys
from typing import Literal

import numpy as np
import pytest

from recurse.policies import Policy
from recurse.scenario.scenario import load
from recurse.scenario.shipped import shipped
from recurse.schedule import REAL, Row, Use
from recurse.theory.law import Curve, about, curves, laws

SHORT = 6
"""Generations of the arms: what is stated does not depend on how many there are."""


@pytest.mark.parametrize("name", shipped())
def test_values_keep_what_a_law_stated(name: str) -> None:
    """A curve that is computed later has a number at every generation of every shipped arm."""
    for labelled in load(name).arms:
        arm = labelled.arm
        arm = arm.model_copy(update={"generations": min(SHORT, arm.generations)})
        for curve in curves(arm)[0]:
            stated = curve.known(arm.generations)
            found = tuple(np.flatnonzero(np.isfinite(curve.values)).tolist())
            assert curve.values.shape == (arm.generations + 1,), (labelled.label, curve.name)
            assert stated == found, (labelled.label, curve.metric, curve.name)


def test_a_curve_computes_its_values_once_and_only_when_asked() -> None:
    asked = []

    def values() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        asked.append(1)
        return np.ones(3)

    curve = Curve("m", "exact", "law", values, "")
    assert curve.known(2) == (0, 1, 2) and not asked
    assert curve.values is curve.values and asked == [1]
    assert Curve("m", "exact", "law", np.array([1.0, np.nan, 1.0]), "").known(1) == (0,)


def test_every_law_is_reached_by_a_shipped_spec() -> None:
    """So the test above sees each of them."""
    arms = [labelled.arm for name in shipped() for labelled in load(name).arms]
    kinds = {arm.model.kind for arm in arms}
    for law in laws():
        mine = [arm for arm in arms if arm.model.kind in law.families]
        assert kinds & set(law.families), law.name
        assert any(law.reason(arm) is None for arm in mine), law.name


def test_a_law_is_asked_for_its_own_metrics_only() -> None:
    (arm,) = [labelled.arm for labelled in load("quickstart").arms][:1]
    every = curves(arm)[0]
    for metric in {curve.metric for curve in every}:
        assert {c.name for c in curves(arm, metric)[0]} == {
            c.name for c in every if c.metric == metric
        }
    assert curves(arm, "elbo") == ((), ())


def test_a_law_that_draws_what_it_does_not_name_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (arm,) = [labelled.arm for labelled in load("quickstart").arms][:1]
    law = next(law for law in about(arm) if law.reason(arm) is None)
    monkeypatch.setattr(type(law), "metrics", ())
    with pytest.raises(TypeError, match="does not name its metric"):
        curves(arm)


class Twice(Policy):
    kind: Literal["twice"] = "twice"

    def row(self, generation: int, real: int, synthetic: int, fresh: int) -> Row:
        return Row(generation, synthetic, 0, (Use(REAL, 1), Use(REAL, 1)))


def test_no_law_applies_to_a_schedule_that_cannot_be_read() -> None:
    """Each would compute with it, and none of them looks for itself."""
    said: set[str] = set()
    for name in shipped():
        for labelled in load(name).arms:
            arm = labelled.arm.model_copy(update={"policy": Twice()})
            said |= {reason for law in about(arm) if (reason := law.reason(arm))}
    assert "generation 1 names one pool twice" in said


def test_validating_all_shipped_specs_imports_no_library_that_computes() -> None:
    heavy = ("scipy", "sklearn", "torch", "jax", "duckdb", "polars", "pandas", "pyarrow")
    code = (
        "import sys\n"
        "from recurse.running.check import check\n"
        "from recurse.scenario.shipped import shipped\n"
        "found = check(list(shipped()))\n"
        "assert len(found) > 40 and not any(found.values()), found\n"
        f"print([name for name in {heavy} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
