"""Recursive least squares: every exact step against plain simulation, and the large-n line.

Simulations: level 1e-6 for all generations of a case together; every exact case asserts that a
shift of 8 % of the expected risk would have been seen with 99 % power.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from recurse.policies.accumulate import Accumulate
from recurse.policies.accumulate_subsample import AccumulateSubsample
from recurse.policies.fresh import Fresh
from recurse.policies.mix import Mix
from recurse.policies.replace import Replace
from recurse.policies.weighted_fresh import WeightedFresh
from recurse.policies.window import Window
from recurse.schedule import REAL, Pool, Row, RowMaker, Schedule, Use
from recurse.theory.dey_donoho import subsample_factor
from recurse.theory.linear_risk import expected_risk, is_exact
from recurse.theory.usage import usage
from tests.statistics_checks import z_test
from tests.theory.loops import Table, linear_loop

DIM = 3
FITS = np.arange(1.0, 7.0)


def grown(generations: int, n: int) -> Table:
    """Gerstgrasser's control: only the last model's samples, but as many as accumulate has."""
    rows = (Row(g, (g + 1) * n, 0, (Use(Pool("synthetic", g), (g + 1) * n),)) for g in range(1, 7))
    return Table(tuple(rows)[:generations])


def jumps(n: int) -> Table:
    """Fits on two models at once, on older data, on the real data again: all designs reused."""
    real, one, two = (
        Use(REAL, n),
        Use(Pool("synthetic", 1), 2 * n),
        Use(Pool("synthetic", 2), n, 2.5),
    )
    sets = ((real, one), (one, two), (two,), (real, two, Use(Pool("synthetic", 4), n)))
    return Table(tuple(Row(g, 2 * n, 0, uses) for g, uses in enumerate(sets, 1)))


def branches(n: int) -> Table:
    """Fresh designs: a set grown from generation 1, then truth beside one model."""
    one, two = Use(Pool("synthetic", 1), n), Use(Pool("synthetic", 2), n + 4)
    late = (Use(Pool("fresh", 1), 5), Use(Pool("synthetic", 3), n - 5))
    sets = ((one,), (one, two), late)
    return Table(tuple(Row(g, n + 4, n, uses) for g, uses in enumerate(sets, 1)))


EXACT: dict[str, tuple[RowMaker, int, int, bool, float]] = {
    "replace, reused": (Replace(), 20, 0, True, 0.0),
    "accumulate, reused": (Accumulate(), 20, 0, True, 0.0),
    "window, reused": (Window(size=3), 20, 0, True, 0.0),
    "mix, reused": (Mix(), 20, 0, True, 0.0),
    "jumps, reused": (jumps(20), 20, 0, True, 0.0),
    "fresh data, reused": (Fresh(), 20, 20, True, 0.0),
    "weighted fresh data, reused": (WeightedFresh(w=0.3), 20, 20, True, 0.0),
    "grown, reused": (grown(4, 20), 20, 0, True, 0.0),
    "replace, fresh": (Replace(), 20, 0, False, 0.0),
    "replace, fresh, oracle": (Replace(), 20, 0, False, 0.5),
    "accumulate, fresh": (Accumulate(), 20, 0, False, 0.0),
    "grown, fresh": (grown(4, 20), 20, 0, False, 0.0),
    "fresh data": (Fresh(), 16, 8, False, 0.0),
    "fresh data, oracle": (Fresh(), 16, 8, False, 1.0),
    "branches, fresh": (branches(20), 20, 20, False, 0.0),
}


@pytest.mark.parametrize("case", EXACT)
def test_exact_against_simulation(case: str) -> None:
    policy, n, fresh, reused, gamma = EXACT[case]
    generations = len(policy.rows) if isinstance(policy, Table) else 4
    schedule = Schedule(policy, 20, n, fresh, generations)
    design = "reused" if reused else "fresh"
    used, link = usage(schedule), 1 / (1 + gamma)
    risk, exact = expected_risk(used, DIM, design, link)
    assert exact and is_exact(used, design, link)
    simulated = linear_loop(schedule, 15_000, len(case), DIM, reused=reused, noise=0.5, gamma=gamma)
    assert np.all(z_test(simulated, 0.25 * risk) < 0.08 * 0.25 * risk)


def test_small_sets_have_large_corrections() -> None:
    """d = 4, 12 rows, half of them the truth's: far from the large-n contraction of 1/4."""
    schedule = Schedule(Fresh(), 12, 6, 6, 1)
    risk, exact = expected_risk(usage(schedule), 4, "fresh", 1.0)
    assert exact
    inherited = (risk[1] - 4 / 7) / risk[0]
    assert abs(inherited - (6 * 8 + 36 / 11 * (46 / 7 - 1)) / (12 * 14)) < 1e-12
    simulated = linear_loop(schedule, 60_000, 5, 4, reused=False)
    assert np.all(z_test(simulated, risk) < 0.08 * risk)


def test_an_oracle_averages_over_how_many_rows_it_corrects() -> None:
    """Replace with pi_gamma: the binomial mixture of fits on K synthetic and T - K real rows."""
    size, dim, link = 12, 4, 0.7

    def kept(policy: RowMaker, synthetic: int, link: float) -> float:
        used = usage(Schedule(policy, size, synthetic, size - synthetic, 1))
        risk, exact = expected_risk(used, dim, "fresh", link)
        assert exact
        return float((risk[1] - risk[0]) / risk[0])

    parts = [kept(Fresh(), k, 1.0) for k in range(size + 1)]
    mixed = binom.pmf(np.arange(size + 1), size, link) @ parts
    assert abs(kept(Replace(), size, link) - mixed) < 1e-12


@pytest.mark.parametrize("design", ["reused", "fresh"])
def test_closed_forms(design: str) -> None:
    """theory.md 0.4 and section 1: T = 50, d = 10, sigma = 1."""
    a = 10 / 39
    risk, exact = expected_risk(usage(Schedule(Replace(), 50, 50, 0, 9)), 10, design, 1.0)
    assert exact and np.allclose(risk, a * np.arange(1, 11), rtol=1e-12)
    assert abs(risk[-1] - 2.5641) < 5e-5
    t = np.arange(1, 11)
    risk, exact = expected_risk(usage(Schedule(Accumulate(), 50, 50, 0, 9)), 10, design, 1.0)
    terms = a / t**2 if design == "reused" else 10 / (t * (50 * t - 11))
    assert exact and np.allclose(risk, np.cumsum(terms), rtol=1e-12)
    assert abs(risk[-1] - {"reused": 0.3974, "fresh": 0.3759}[design]) < 5e-5


def test_growing_sets() -> None:
    """sum_i sigma^2 d / (i T - d - 1) with fresh designs; theory.md prints 0.6685 for ten fits."""
    rows = (
        Row(g, (g + 1) * 50, 0, (Use(Pool("synthetic", g), (g + 1) * 50),)) for g in range(1, 10)
    )
    risk, exact = expected_risk(usage(Schedule(Table(tuple(rows)), 50, 0, 0, 9)), 10, "fresh", 1.0)
    assert exact and np.allclose(risk, np.cumsum(10 / (50 * np.arange(1, 11) - 11)), rtol=1e-12)
    assert abs(risk[-1] - 0.6685) < 5e-5


APPROXIMATE: dict[str, tuple[RowMaker, int, int, str, float]] = {
    "a budget": (AccumulateSubsample(), 100, 0, "fresh", 0.0),
    "a budget of reused designs": (AccumulateSubsample(), 100, 0, "reused", 0.0),
    "fixed real data": (Mix(), 100, 0, "fresh", 0.0),
    "overlapping windows": (Window(size=2), 100, 0, "fresh", 0.0),
    "a corrected reused design": (Replace(), 100, 0, "reused", 1.0),
    "part of a design": (Accumulate(age="linear"), 100, 0, "reused", 0.0),
    "correlated corrected data": (Accumulate(), 100, 0, "fresh", 0.5),
}


@pytest.mark.parametrize("case", APPROXIMATE)
def test_what_is_not_exact_is_close_at_large_n(case: str) -> None:
    """100 samples in 3 dimensions: within 12 % of the simulated risk, and called asymptotic."""
    policy, n, fresh, design, gamma = APPROXIMATE[case]
    schedule = Schedule(policy, 100, n, fresh, 4)
    used, link = usage(schedule), 1 / (1 + gamma)
    risk, exact = expected_risk(used, DIM, design, link)
    assert not exact and not is_exact(used, design, link)
    simulated = linear_loop(schedule, 3000, 1, DIM, reused=design == "reused", gamma=gamma)
    assert np.allclose(simulated.mean(axis=0), risk, rtol=0.12)


def test_subsample_of_many_is_the_universal_factor() -> None:
    risk, _ = expected_risk(
        usage(Schedule(AccumulateSubsample(), 10**6, 10**6, 0, 49)), 10, "reused", 1.0
    )
    assert np.allclose(risk / risk[0], subsample_factor(50), rtol=1e-5)
