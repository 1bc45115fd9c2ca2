"""Moons, circles, swiss roll and the box: scikit-learn's points, second moments, densities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn import datasets

from recurse.numerics.streams import Streams
from recurse.sources.circles import Circles
from recurse.sources.moons import Moons
from recurse.sources.swiss_roll import SwissRoll
from recurse.sources.uniform import UniformSource
from tests.closed_arms import SKEW
from tests.statistics_checks import z_test

SHAPES: dict[str, Any] = {
    "moons": Moons(),
    "circles": Circles(),
    "swiss_roll": SwissRoll(noise=0.5),
    "uniform": UniformSource(dim=2, low=-1.0, high=3.0),
}


def ordered(points: Any) -> Any:
    return points[np.lexsort(points.round(9).T)]


@pytest.mark.parametrize("n", [1, 2, 31, 100])
def test_points_without_noise_are_those_of_scikit_learn(n: int) -> None:
    """The same points, in another order for each replicate; prefixes are random parts."""
    pairs = (
        (Moons(noise=0.0), datasets.make_moons(n, shuffle=False)[0]),
        (
            Circles(noise=0.0, factor=0.4),
            datasets.make_circles(n, shuffle=False, factor=0.4)[0],
        ),
    )
    for source, expected in pairs:
        drawn = source.draw(Streams((1, 2)), 0, "real", n)["x"]
        for points in drawn:
            np.testing.assert_allclose(ordered(points), ordered(expected), atol=1e-12)
        assert n < 3 or not np.array_equal(drawn[0], drawn[1])


def test_a_part_of_a_sample_is_a_random_part() -> None:
    x = Moons(noise=0.0).draw(Streams(range(2000)), 0, "real", 40)["x"][:, :5]
    everything = datasets.make_moons(40, shuffle=False)[0]
    assert np.all(z_test(x.mean(axis=1), everything.mean(axis=0)) < 0.07)


def test_swiss_roll_has_the_law_of_scikit_learn() -> None:
    """Each coordinate and the squared length, two-sample Kolmogorov-Smirnov at 1e-6 each."""
    ours = SwissRoll(noise=0.5).draw(Streams((4,)), 0, "real", 20_000)["x"][0]
    theirs = datasets.make_swiss_roll(20_000, noise=0.5, random_state=1)[0]
    band = np.sqrt(np.log(2 / 1e-6) / 20_000)
    assert band < 0.03
    for a, b in [*zip(ours.T, theirs.T, strict=True), (ours**2 @ [1, 0, 1], theirs**2 @ [1, 0, 1])]:
        assert stats.ks_2samp(a, b).statistic < band


@pytest.mark.parametrize("kind", [*SHAPES, "gaussian"])
def test_second_moment(kind: str) -> None:
    """Exact for the sample size that is asked for; 2 % would have been seen."""
    source = SHAPES.get(kind, SKEW)
    x = source.draw(Streams(range(4000)), 0, "real", 11)["x"]
    expected = source.second_moment(11)
    assert z_test(np.sum(x**2, axis=2).mean(axis=1), expected) < 0.04 * expected


def test_log_density() -> None:
    x = np.random.default_rng(0).normal(size=(4, 7, 3))
    law = stats.multivariate_normal(SKEW.center, SKEW.matrix)
    np.testing.assert_allclose(SKEW.log_density(x), law.logpdf(x), rtol=1e-12)
    box = UniformSource(dim=2, low=-1.0, high=3.0)
    inside = box.draw(Streams((1,)), 0, "real", 50)["x"]
    assert np.allclose(box.log_density(inside), -np.log(16.0), rtol=1e-15)
    assert np.all(box.log_density(inside + 4.0) == -np.inf)
    assert Moons().log_density(inside) is None
    assert UniformSource(low=2.0, high=2.0).problems()[0][0] == "high"
