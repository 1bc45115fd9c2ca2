"""``plateaus``: a change on the edge of the tolerance passes at the level; noise never helps."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, t

from recurse.claims import Prospect
from recurse.claims.plateaus import Plateaus
from tests.claims.simulate import RUNS, has_rate, holding, normal, one, series


def line(rng: np.random.Generator, change: float, seeds: int = 10) -> np.ndarray:
    """Lines ``[3, R]`` that start near 10 and change by a share of their start, with own slopes.

    The middle generation is on the line, so a line is all there is.
    """
    start = 10.0 + rng.standard_normal(seeds)
    total = change * start + 0.2 * rng.standard_normal(seeds)
    return np.stack([start, start + total / 2, start + total])


@pytest.mark.parametrize("change", [0.1, -0.1])
def test_a_change_on_the_edge_passes_at_the_level(change: float) -> None:
    claim = Plateaus(metric="m", tolerance=0.1, level=0.05)
    # On the edge the other side and the departures of the means cannot decide.
    has_rate(holding(claim, lambda rng: [series(line(rng, change))]), 0.05)


def test_power_on_a_level_stretch() -> None:
    claim = Plateaus(metric="m", tolerance=0.015, level=0.05)
    held = holding(claim, lambda rng: [series(line(rng, 0.0))])
    # Both one-sided tests reject iff |mean| + limit s.e. < 0.15; simulated directly.
    rng = np.random.default_rng(5)
    draws = 0.2 * rng.standard_normal((200_000, 10))
    reach = t.isf(0.05, 9) * draws.std(axis=1, ddof=1) / np.sqrt(10)
    power = float(np.mean(np.abs(draws.mean(axis=1)) + reach < 0.15))
    assert 0.4 < power < 0.9
    has_rate(held, power)


def test_noise_makes_it_fail_not_pass() -> None:
    rng = np.random.default_rng(1)
    calm = 10.0 + 0.01 * rng.standard_normal((6, 5))
    assert one(Plateaus(metric="m", tolerance=0.05), series(calm)).holds is True
    noisy = 10.0 + 5.0 * rng.standard_normal((6, 5))
    found = one(Plateaus(metric="m", tolerance=0.05), series(noisy))
    assert found.holds is not True and "cannot tell" in found.evidence


def test_a_hump_is_no_plateau() -> None:
    hump = np.array([10.0, 11.0, 12.0, 11.0, 10.0])[:, None] + 0.01 * np.arange(6)
    found = one(Plateaus(metric="m", tolerance=0.1), series(hump))
    assert found.holds is False
    assert found.evidence.startswith("relative change 0.2 at generation 2,")
    assert one(Plateaus(metric="m", tolerance=0.21), series(hump)).holds is True


@pytest.mark.parametrize("shape", [[0, 0, 1, 0, 0], [0, 0, 0, 0, 1], [0, 0.25, 0.5, 0.75, 1]])
def test_any_shape_of_exactly_the_tolerance_passes_at_the_level(shape: list[float]) -> None:
    """A hump, a jump in the last generation, a drift: a line through them may be level."""
    claim = Plateaus(metric="m", tolerance=0.1, level=0.05)
    turn = np.array(shape)[:, None]

    def draw(rng: np.random.Generator) -> np.ndarray:
        start = 10.0 + rng.standard_normal((1, 20))
        own = 0.1 * start + 0.2 * rng.standard_normal((1, 20))
        return start + turn * own

    held = holding(claim, lambda rng: [series(draw(rng))])
    assert held <= binom.ppf(1 - 1e-6, RUNS, 0.05)
    assert held > 0.02 * RUNS  # the worst generation decides: the test is not emptier than that


def test_what_is_level_is_shown_with_enough_seeds_and_few_ask_for_more() -> None:
    claim = Plateaus(metric="m", tolerance=0.05, level=0.05)
    draw = normal((30, 400), 10.0, 1.0)
    # Of the largest of 29 changes at 5.4 standard errors within the tolerance.
    assert holding(claim, lambda rng: [series(draw(rng))]) >= RUNS - 5
    found = one(claim, series(normal((30, 5), 10.0, 1.0)(np.random.default_rng(2))))
    assert found.holds is None and "not enough seeds (5); about" in found.evidence


def test_a_negative_metric_and_the_evidence() -> None:
    values = -np.array([[100.0, 101.0, 99.0, 100.0], [101.0, 102.0, 100.0, 101.0]])
    found = one(Plateaus(metric="m", tolerance=0.02), series(values))
    assert found.holds is True
    assert found.evidence.startswith(
        "relative change -0.01 at generation 1, 0.9 interval -0.0101 to -0.0099,"
    )
    assert found.evidence.endswith("tolerance 0.02 (generations 0 to 1, 4 seeds)")
    assert one(Plateaus(metric="m", tolerance=0.009), series(values)).holds is False


def test_a_start_that_may_be_zero_has_no_relative_change() -> None:
    values = np.array([[-1.0, 1.0, -1.0, 1.1], [0.0, 0.0, 0.0, 0.0]])
    assert one(Plateaus(metric="m", tolerance=1e6), series(values)).holds is None
    assert one(Plateaus(metric="m"), series(np.zeros((3, 4)))).holds is False


def test_what_cannot_be_judged() -> None:
    claim = Plateaus(metric="m", after=1)
    assert one(claim).holds is None
    assert one(claim, series(np.ones((3, 1)))).holds is None
    assert one(claim, series(np.ones((2, 5)))).holds is None
    values = np.ones((4, 5))
    values[3, 0] = np.nan
    found = one(claim, series(values))
    assert (found.holds, found.evidence) == (
        False,
        "not finite for 1 of 5 seeds at generation 3",
    )


def test_problems_and_statement() -> None:
    claim = Plateaus(metric="m", after=20, where={"policy": "accumulate"})
    assert [path for path, _ in claim.problems(Prospect(20, {}, None, seeds=1))] == [
        "kind",
        "after",
    ]
    assert claim.problems(Prospect(100, {}, None, seeds=5)) == []
    assert claim.statement() == (
        "m (policy=accumulate) changes by less than 0.05 of its value from generation 20 to the "
        "last (equivalence test at level 0.05)"
    )
