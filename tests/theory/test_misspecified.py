"""A model that does not hold its data: rate of contraction, the first fit, the whole curve."""

from __future__ import annotations

import numpy as np
import pytest

from recurse.families.laplace import Laplace
from recurse.policies.accumulate import Accumulate
from recurse.policies.fresh import Fresh
from recurse.scenario.scenario import Arm, Samples
from recurse.sources.location import LocationSource
from recurse.theory import curves
from recurse.theory.median import variance
from recurse.theory.misspecified import first_median, information, next_center
from tests.harness import Array, change, simulate
from tests.scalar_arms import scalar
from tests.statistics_checks import z_test


@pytest.mark.parametrize("width", [0.2, 0.8, 2.5])
@pytest.mark.parametrize("ratio", [0.25, 1.0, 9.0])
def test_the_rate_near_the_optimum(ratio: float, width: float) -> None:
    """The derivative of the map at 0, and the information by its definitions, integrated."""
    s = 1.3
    step = next_center(np.array([1e-6]), ratio, s, width)[0] / 1e-6
    r = information(s, width)
    assert step == pytest.approx(ratio * r / (1 + ratio * r), rel=1e-4)
    fisher, curvature = 1 / width**2, 2 / width / (s * np.sqrt(2 * np.pi))
    assert r == pytest.approx(fisher / curvature, rel=1e-12)
    assert step < 1


def test_the_first_median() -> None:
    for n in (1, 21):
        points, weights = first_median(n)
        assert weights.sum() == pytest.approx(1)
        assert weights @ points**2 == pytest.approx(variance(n), rel=2e-3)


def arm(width: float) -> Arm:
    return scalar(
        "location",
        Fresh(),
        source=LocationSource(scale=2.0),
        model=Laplace(width=width),
        samples=Samples(real=21, synthetic=2000, fresh=1000),
        generations=4,
    )


def line(case: Arm, words: str) -> Array:
    (found,) = [c.values for c in curves(case)[0] if words in c.name]
    return found


@pytest.mark.parametrize("width", [0.6, 1.6])
def test_the_curve(width: float) -> None:
    """2500 seeds; a curve 25 % off would be seen, and the one without epsilon is further off."""
    case = arm(width)
    found = simulate(case, 2500)["parameter_error"].T
    shift = z_test(found, line(case, "contraction"))
    assert np.all(shift < 0.25 * line(case, "contraction"))
    wrong = line(case, "held the data")[1:]
    error = found.std(axis=0, ddof=1)[1:] / np.sqrt(len(found))
    assert np.all(np.abs(found.mean(axis=0)[1:] - wrong) > 6 * error)


def test_refusals() -> None:
    case = arm(1.0)
    for other, words in (
        (change(case, policy=Accumulate()), "same counts"),
        (change(case, samples=Samples(real=20, synthetic=5, fresh=5)), "odd number"),
    ):
        assert any(words in why for law, why in curves(other)[1] if law == "misspecified")
