"""The moment recursion: closed forms to rounding, and any schedule against plain simulation.

Simulations: level 1e-6 for all entries of a case together; every case asserts that a shift of 8 %
of the expected value would have been seen with 99 % power.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from recurse.policies.accumulate import Accumulate
from recurse.policies.accumulate_subsample import AccumulateSubsample
from recurse.policies.fresh import Fresh
from recurse.policies.mix import Mix
from recurse.policies.replace import Replace
from recurse.policies.window import Window
from recurse.schedule import REAL, Pool, Row, RowMaker, Schedule, Use
from recurse.theory import moments as engine
from recurse.theory.dey_donoho import SUBSAMPLE_LIMIT, subsample_factor
from recurse.theory.moments import Moments, moments
from recurse.theory.usage import usage
from tests.statistics_checks import z_test
from tests.theory.loops import Table, gaussian_loop

ROOT = np.array([[1.0, 0.0], [0.8, 0.5]])
TRACE = float(np.sum(ROOT**2))
T = np.arange(1.0, 102.0)


def solve(
    policy: RowMaker, n: int, generations: int, *, fresh: int = 0, real: int = 0, link: float = 1.0
) -> Moments:
    """The recursion with maximum-likelihood covariances."""
    used = usage(Schedule(policy, real or n, n, fresh, generations))
    return moments(used, np.ones(generations + 1), link)


def test_replace_is_geometric() -> None:
    for n in (2, 10, 1000):
        found = solve(Replace(), n, 100)
        assert np.allclose(found.spread, (1 - 1 / n) ** T, rtol=0, atol=1e-12)
        assert np.allclose(found.error, 1 - (1 - 1 / n) ** T, rtol=0, atol=1e-12)


def test_replace_unbiased_is_a_martingale_with_linear_error() -> None:
    used = usage(Schedule(Replace(), 10, 10, 0, 100))
    found = moments(used, np.full(101, 10 / 9))
    assert np.allclose(found.spread, 1.0, rtol=0, atol=1e-12)
    assert np.allclose(found.error, T / 10, rtol=0, atol=1e-11)


def test_accumulate_is_the_sine_product() -> None:
    for n in (2, 10, 316):
        found = solve(Accumulate(), n, 100)
        product = np.cumprod(1 - 1 / (n * T**2))
        assert np.allclose(found.spread, product, rtol=0, atol=1e-12)
        assert np.allclose(found.error, 1 - product, rtol=0, atol=1e-12)


def test_constant_noise_accumulates_to_the_sum_of_inverse_squares() -> None:
    found = moments(usage(Schedule(Accumulate(), 1, 1, 0, 100)), None)
    assert np.allclose(found.error, np.cumsum(1 / T**2), rtol=0, atol=1e-12)


def test_subsample_is_the_recursion_of_pool_means() -> None:
    """theory.md 0.2, written for this policy alone: e of the fit, r of the mean of the pool."""
    n = 10
    e, r = [0.0], [0.0]
    for t in range(1, 41):
        pairs = n * (n - 1) * sum(e[:t]) + 2 * n**2 * sum(g * r[g] for g in range(1, t))
        c = pairs / (t * n * (t * n - 1))
        r.append(1 / (t * n) + (1 - 1 / (t * n)) * c)
        e.append(1 / n + (1 - 1 / n) * c)
    found = solve(AccumulateSubsample(), n, 39)
    assert np.allclose(found.error, e[1:], rtol=0, atol=1e-12)
    assert np.allclose(found.spread, 1 - np.array(e[1:]), rtol=0, atol=1e-12)
    assert abs(found.error[19] - 0.2505) < 5e-5


def test_subsample_tends_to_its_universal_factor() -> None:
    n = 10**7
    found = solve(AccumulateSubsample(), n, 99).error * n
    assert np.allclose(found, subsample_factor(100), rtol=1e-6)
    listed = {2: 1.75, 3: 2.0833, 5: 2.3908, 10: 2.6493, 20: 2.7885, 50: 2.8754, 100: 2.9050}
    assert all(abs(found[t - 1] - value) < 6e-5 for t, value in listed.items())
    assert abs(subsample_factor(10**6)[-1] - SUBSAMPLE_LIMIT) < 1e-4


def test_fixed_real_data_plateau() -> None:
    """theory.md 0.3: N real and n synthetic samples of the last model, for ever."""
    real, n = 10, 40
    extra = (1 - 1 / real) * n / (real**2 + 2 * real * n + n)
    assert abs(solve(Mix(), n, 300, real=real).error[-1] - (1 / real + extra)) < 1e-12


@pytest.mark.parametrize("gamma", [0.0, 0.5, 3.0])
def test_fresh_data_and_oracle_contract_by_j(gamma: float) -> None:
    """m' = J^2 m + own variance with J = lambda / ((1 + lambda) (1 + gamma)) (Gillman et al.)."""
    real, n, link = 30, 60, 1 / (1 + gamma)
    ratio = n / real
    j = ratio / (1 + ratio) / (1 + gamma)
    found = solve(Fresh(), n, 30, fresh=real, real=real, link=link)
    m, v = found.error[:-1], found.spread[:-1]
    second = link * (m + v) + (1 - link)
    expected = j**2 * m + (real + n * (second - link**2 * m)) / (real + n) ** 2
    assert np.allclose(found.error[1:], expected, rtol=0, atol=1e-14)


GRID: dict[str, tuple[RowMaker, int, int, bool, float]] = {
    "replace": (Replace(), 12, 0, False, 0.0),
    "replace, unbiased": (Replace(), 20, 0, True, 0.0),
    "accumulate, unbiased": (Accumulate(), 5, 0, True, 0.0),
    "accumulate by age": (Accumulate(age="linear"), 9, 0, False, 0.0),
    "subsample": (AccumulateSubsample(), 6, 0, False, 0.0),
    "subsample, unbiased": (AccumulateSubsample(budget=4), 6, 0, True, 0.0),
    "subsample with replacement": (AccumulateSubsample(replacement=True), 6, 0, False, 0.0),
    "mix": (Mix(), 6, 0, True, 0.0),
    "mix, oracle": (Mix(), 6, 0, False, 0.5),
    "fresh": (Fresh(), 6, 3, False, 0.0),
    "window": (Window(size=3), 5, 0, False, 0.0),
    "window, oracle": (Window(size=2), 5, 0, True, 0.3),
    "accumulate by age, oracle": (Accumulate(age="linear"), 9, 0, False, 1.0),
}


@pytest.mark.parametrize("case", GRID)
def test_policies_against_simulation(case: str) -> None:
    policy, n, fresh, unbiased, gamma = GRID[case]
    check(Schedule(policy, n, n, fresh, 6), unbiased, gamma, seed=len(case))


@pytest.mark.parametrize("seed", range(6))
def test_random_schedules_against_simulation(seed: int) -> None:
    """Prefixes that shrink and grow, weights, budgets, pools that rest for some generations."""
    rng = np.random.default_rng(seed)
    rows = tuple(random_row(g, rng) for g in range(1, 7))
    check(Schedule(Table(rows), 7, 7, 0, 6), bool(seed % 2), [0.0, 0.4][seed // 3], seed)


def random_row(g: int, rng: np.random.Generator) -> Row:
    """A row over all pools so far, each of 7 samples."""
    pools = [
        REAL,
        *(Pool(kind, born) for born in range(1, g + 1) for kind in ("fresh", "synthetic")),
    ]
    named = [pool for pool in pools if rng.random() < 0.6] or [pools[-1]]
    takes = rng.integers(3, 8, size=len(named))
    budget = int(rng.integers(3, takes.sum() + 1)) if rng.random() < 0.4 else None
    weights = np.full(len(named), 1.5) if budget else rng.choice([1.0, 2.0, 3.5], len(named))
    uses = tuple(map(Use, named, takes.tolist(), weights.tolist()))
    return Row(g, 7, 7, uses, budget, bool(rng.random() < 0.5))


def check(schedule: Schedule, unbiased: bool, gamma: float, seed: int) -> None:
    """Error of the mean and trace of the covariance against 30 000 simulated loops in 2-D."""
    total = np.array([weight(row) for row in schedule])
    found = moments(usage(schedule), total / (total - unbiased), 1 / (1 + gamma))
    errors, traces, _ = gaussian_loop(schedule, 30_000, seed, ROOT, unbiased=unbiased, gamma=gamma)
    expected = TRACE * np.concatenate([found.error, found.spread])
    shift = z_test(np.concatenate([errors, traces], axis=1), expected)
    assert np.all(shift < 0.08 * expected)


def weight(row: Row) -> float:
    """The total weight that the fit sees."""
    whole = sum(use.take * use.weight for use in row.uses)
    return whole if row.budget is None else whole * row.budget / row.pooled


def test_using_part_of_a_pool_first_changes_nothing_for_the_whole() -> None:
    """The mean of k samples has error ``1/k + (1 - 1/k) m_0``, whatever parts were used before."""
    pool = Pool("synthetic", 1)
    rows = tuple(Row(g, 7, 0, (Use(pool, take),)) for g, take in enumerate((2, 5, 4, 7), 1))
    found = moments(usage(Schedule(Table(rows), 5, 7, 0, 4)), np.ones(5))
    takes = np.array([2, 5, 4, 7])
    assert np.allclose(found.error[1:], 1 / takes + (1 - 1 / takes) / 5, rtol=0, atol=1e-14)


@pytest.mark.parametrize("seed", range(8))
def test_joining_pools_changes_no_number(seed: int) -> None:
    """Against the same recursion with a class for every pool, which the simulations have checked.

    Runs that stop and go on, cut pools and change their weights, budgets with and without
    replacement, new real data: the expectations agree to rounding.
    """
    rng = np.random.default_rng(seed)
    late = int(rng.integers(3, 9))  # from here on the rows are nested
    rows = [joint_row(g, late, rng) for g in range(1, 15)]
    used = usage(Schedule(Table(tuple(rows)), 9, 9, 9, 14))
    assert any(len(fit.alike) for fit in used.fits)
    apart = [replace(fit, alike=fit.alike[:0]) for fit in used.fits]
    inflation, link, bias = rng.uniform(1, 1.2, 15), rng.uniform(0.5, 1), rng.uniform(0.8, 1)
    found = moments(used, inflation, link, bias)
    expected = moments(replace(used, fits=tuple(apart)), inflation, link, bias)
    assert np.allclose(found.error, expected.error, rtol=1e-12, atol=0)
    assert np.allclose(found.spread, expected.spread, rtol=1e-12, atol=0)


def joint_row(g: int, late: int, rng: np.random.Generator) -> Row:
    """Every pool of a kind in two runs at most; after ``late`` a run from ``late`` on."""
    take = int(rng.choice([5, 9])) if g < late else 9
    weight = 1.0 if rng.random() < 0.5 else 2.5
    start = 1 if g < late else late
    runs = [Use(REAL, 9, weight)] if rng.random() < 0.7 else []
    length = max(g - start + 1 - int(rng.integers(0, 4)), 1)  # the newest may have to wait
    runs.append(Use(Pool("synthetic", start), take, weight, length))
    if rng.random() < 0.5:
        runs.append(Use(Pool("fresh", start), 9, weight, g - start + 1))
    budget = 7 if rng.random() < 0.5 else None
    return Row(g, 9, 9, tuple(runs), budget, bool(rng.random() < 0.5))


def test_one_sample_is_allowed() -> None:
    row = Row(1, 1, 0, (Use(Pool("synthetic", 1), 1),), budget=1)
    found = moments(usage(Schedule(Table((row,)), 1, 1, 0, 1)), np.ones(2))
    assert found.error.tolist() == [1.0, 1.0] and found.spread.tolist() == [0.0, 0.0]


def test_what_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    uses = (Use(REAL, 4), Use(Pool("synthetic", 1), 4, 2.0))
    uneven = usage(Schedule(Table((Row(1, 4, 0, uses, 3),)), 4, 4, 0, 1))
    with pytest.raises(ValueError, match="unequal weight"):
        moments(uneven, None)
    with pytest.raises(ValueError, match="twice"):
        usage(Schedule(Table((Row(1, 4, 0, (Use(REAL, 4), Use(REAL, 2))),)), 4, 4, 0, 1))
    with pytest.raises(ValueError, match="nothing"):
        usage(Schedule(Table((Row(1, 4, 0, ()),)), 4, 4, 0, 1))
    monkeypatch.setattr(engine, "MAX_CLASSES", 10)
    with pytest.raises(ValueError, match="told apart"):
        solve(Window(size=11), 5, 20)
    assert np.all(np.isfinite(solve(Window(size=10), 5, 20).error))
    rests = (Row(1, 1, 0, (Use(Pool("synthetic", 1), 1),)), Row(2, 1, 0, (Use(REAL, 1),)))
    assert usage(Schedule(Table(rows=rests), 1, 1, 0, 2)).alive == 2
    assert usage(Schedule(Replace(), 5, 5, 0, 9)).alive == 1
    assert usage(Schedule(Fresh(), 5, 5, 5, 9)).alive == 2
    assert usage(Schedule(Accumulate(), 5, 5, 0, 99)).alive == 3


def test_classes_are_forgotten_with_their_pools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long schedules stay cheap, and forgetting changes no number."""
    assert solve(Replace(), 5, 5000).error.shape == (5001,)
    expected = solve(Window(size=3), 5, 60)
    monkeypatch.setattr(engine, "MAX_CLASSES", 4)
    assert np.array_equal(solve(Window(size=3), 5, 60).error, expected.error)
    aged = solve(Accumulate(age="linear"), 1, 3)
    assert np.all(np.isfinite(aged.error))


def test_a_thousand_generations_take_seconds() -> None:
    """The budget is 10 s; on one slow core it takes about one."""
    start = time.perf_counter()
    spread: NDArray[np.float64] = solve(AccumulateSubsample(), 25, 1000).spread
    assert time.perf_counter() - start < 10
    assert 0 < spread[-1] < 1
