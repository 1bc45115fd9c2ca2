"""Refitted frequencies against closed forms, in the real loop and in both lowerings.

Level 1e-6 per test over all generations; each asserts the shift that it would have found with 99 %
power, relative to the curve.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurse.correctors.oracle import Oracle
from recurse.families.categorical import Categorical
from recurse.lowering.decision import decide
from recurse.metrics.heterozygosity import Heterozygosity
from recurse.metrics.l2_error import L2Error
from recurse.metrics.missing_mass import MissingMass
from recurse.metrics.uncollapsed import Uncollapsed
from recurse.metrics.unique import Unique
from recurse.policies.accumulate import Accumulate
from recurse.policies.accumulate_subsample import AccumulateSubsample
from recurse.policies.fresh import Fresh
from recurse.policies.mix import Mix
from recurse.policies.replace import Replace
from recurse.policies.weighted_fresh import WeightedFresh
from recurse.policies.window import Window
from recurse.samplers.temperature import Temperature
from recurse.samplers.top_k import TopK
from recurse.scenario.scenario import Arm, Samples
from recurse.sources.categorical import CategoricalSource
from recurse.sources.gaussian import GaussianSource
from recurse.theory.law import curves
from recurse.theory.suresh import survival_steps
from tests.discrete_arms import WORDS, frequencies
from tests.harness import Array, simulate
from tests.statistics_checks import z_test

TEN = CategoricalSource()
SMALL = Samples(real=10, synthetic=10, fresh=6)
MOMENTS = (Heterozygosity(), L2Error())
SHORT: dict[str, Any] = {"samples": SMALL, "generations": 6, "metrics": MOMENTS}
ARMS: dict[str, Arm] = {
    "replace": frequencies(Replace(), **SHORT),
    "accumulate": frequencies(Accumulate(), **SHORT),
    "accumulate by age": frequencies(Accumulate(age="linear"), **SHORT),
    "subsample": frequencies(AccumulateSubsample(), **SHORT),
    "window": frequencies(Window(size=2), **SHORT),
    "mix": frequencies(Mix(), **SHORT),
    "fresh": frequencies(Fresh(), **SHORT),
    "weighted fresh": frequencies(WeightedFresh(w=0.4), **SHORT),
    "oracle": frequencies(Replace(), corrector=Oracle(gamma=0.5), **SHORT),
}
CASES = [
    (name, exact)
    for name, arm in ARMS.items()
    for exact in ((True, False) if decide(arm).lowering == "statistics" else (False,))
]


def sample(arm: Arm, replicates: int, exact: bool | None = None) -> dict[str, Array]:
    """Every metric ``[R, G+1]``."""
    blocks = [simulate(arm, range(a, a + 1000), exact) for a in range(0, replicates, 1000)]
    return {m: np.concatenate([b[m] for b in blocks], axis=1).T for m in blocks[0].metrics}


@pytest.mark.parametrize(("name", "exact"), CASES)
def test_moments(name: str, exact: bool) -> None:
    arm = ARMS[name]
    found = sample(arm, 4000, exact)
    expected = {c.metric: c.values for c in curves(arm)[0] if c.name == "expectation"}
    assert expected.keys() == {"heterozygosity", "l2_error"}
    for metric, curve in expected.items():
        assert np.all(z_test(found[metric], curve) < 0.25 * curve)


STEPS = np.arange(1, 8)
H = 1 - 0.4**2 - 0.05**2 - 0.3**2 - 0.05**2 - 0.2**2
BY_HAND: dict[str, tuple[str, Any]] = {
    "replace": ("heterozygosity", H * 0.9**STEPS),
    "accumulate": ("heterozygosity", H * np.cumprod(1 - 0.1 / STEPS**2)),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_moments_worked_out_by_hand(name: str) -> None:
    metric, expected = BY_HAND[name]
    found = sample(ARMS[name], 12_000)[metric]
    assert np.all(z_test(found, expected) < 0.06 * expected)


def test_listed_value() -> None:
    """theory.md 0.4: ten symbols, n = 20, after 20 fits 0.3226."""
    arm = frequencies(
        Replace(),
        source=TEN,
        model=Categorical(),
        samples=Samples(real=20, synthetic=20),
        generations=19,
        metrics=MOMENTS,
    )
    assert abs(0.9 * 0.95**20 - 0.3226) < 5e-5
    assert z_test(sample(arm, 8000)["heterozygosity"][:, -1], 0.9 * 0.95**20) < 0.03


def test_plateaus() -> None:
    """theory.md 0.3 and 0.4: N = 100, n = 1000, h = 0.7 gives 0.003283 beyond the real sample."""
    even = CategoricalSource(form="given", probabilities=(0.5, 0.1, 0.1, 0.1, 0.1, 0.1))
    counts = Samples(real=100, synthetic=1000, fresh=100)
    for policy in (Mix(), Fresh()):
        arm = frequencies(
            policy,
            source=even,
            model=Categorical(),
            samples=counts,
            generations=80,
            metrics=MOMENTS,
        )
        drawn = {c.name: c.values for c in curves(arm)[0] if c.metric == "l2_error"}
        level = drawn["many generations: plateau"][-1]
        assert abs(drawn["expectation"][-1] - level) < 1e-6 * level
        if policy.kind == "mix":
            assert abs(level - 0.7 / 100 - 0.003283) < 2e-6
        assert z_test(sample(arm, 2000)["l2_error"][:, -1], level) < 0.15 * level


def below(values: Array, bound: Array) -> None:
    """The means do not exceed a bound by more than six standard errors."""
    slack = 6 * values.std(axis=0) / np.sqrt(len(values)) + 1e-12
    assert np.all(values.mean(axis=0) <= bound + slack)


def test_bounds_hold_and_bite() -> None:
    arm = frequencies(
        Replace(),
        samples=Samples(real=30, synthetic=30),
        generations=150,
        metrics=(Unique(), MissingMass(), Uncollapsed()),
    )
    found = sample(arm, 3000)
    for curve in curves(arm)[0]:
        if curve.kind != "bound" or curve.metric not in found:
            continue
        sign = 1.0 if curve.name == "upper bound" else -1.0
        below(sign * found[curve.metric], sign * curve.values)
    bounds = {(c.metric, c.name): c.values for c in curves(arm)[0]}
    assert bounds["uncollapsed", "upper bound"][-1] < 0.1
    assert bounds["unique", "lower bound"][0] > 4.5


def test_survival_steps() -> None:
    """theory.md section 6: g_10 = 0.17225, g_100 = 0.01954, between 1/k and 3/k."""
    g, k = survival_steps(100), np.arange(1, 101)
    assert abs(g[9] - 0.17225) < 5e-6 and abs(g[99] - 0.01954) < 5e-6
    assert np.all(g >= 1 / k) and np.all(g <= 3 / k)


def test_unique_words_by_hand() -> None:
    """The lower bound of Corollary 1 is close for rare words: 500 of expected count 1 each."""
    rare = CategoricalSource(form="given", probabilities=(*(0.001,) * 500, 0.5))
    arm = frequencies(
        Replace(),
        source=rare,
        model=Categorical(),
        samples=Samples(real=1000, synthetic=1000),
        generations=9,
        metrics=(Unique(),),
    )
    left = 500 * -np.expm1(-0.17225)
    assert z_test(sample(arm, 2000)["unique"][:, -1], 1 + 1.002 * left) < 0.02 * left


@pytest.mark.parametrize("sampler", [TopK(k=5), Temperature(value=0.8)])
def test_memoriser(sampler: Any) -> None:
    source = CategoricalSource(form="zipf", symbols=40, exponent=1.5)
    arm = frequencies(
        Fresh(),
        source=source,
        model=Categorical(),
        sampler=sampler,
        samples=Samples(real=10**9, synthetic=50, fresh=5),
        generations=1,
        metrics=(MissingMass(),),
    )
    q = source.p
    s = np.where(q >= q[4], q, 0.0) if sampler.kind == "top_k" else q**1.25
    expected = q @ ((1 - q) ** 5 * (1 - s / s.sum()) ** 50)
    drawn = {c.name: c.values for c in curves(arm)[0]}
    assert abs(drawn["large real sample: memoriser"][1] - expected) < 1e-12
    assert z_test(sample(arm, 3000)["missing_mass"][:, 1], expected) < 0.05 * expected


def test_temperature_with_new_data() -> None:
    """Above the threshold the error settles at h/N/(1 - J^2), J = (1 - beta)/T = 0.6/0.8."""
    arm = frequencies(
        Fresh(),
        source=CategoricalSource(symbols=4),
        model=Categorical(),
        sampler=Temperature(value=0.8),
        samples=Samples(real=100_000, synthetic=60_000, fresh=40_000),
        generations=30,
        metrics=MOMENTS,
    )
    level = 0.75 / 100_000 / (1 - 0.75**2)
    [drawn] = [c.values for c in curves(arm)[0] if c.metric == "l2_error"]
    assert abs(drawn[-1] - level) < 1e-3 * level
    found = sample(arm, 4000)["l2_error"]
    assert np.all(z_test(found[:, [0, 1, 5, 30]], drawn[[0, 1, 5, 30]]) < 0.1 * drawn[0] * 3)


def test_what_laws_refuse() -> None:
    smooth = frequencies(Replace(), model=Categorical(smoothing=1.0))
    warm = frequencies(Replace(), sampler=Temperature(value=0.5))
    for arm, words in ((smooth, "smoothed"), (warm, "temperature")):
        drawn, refused = curves(arm)
        reasons = dict(refused)
        assert words in reasons["categorical_moments"]
        assert {"seddik", "suresh", "marchi"} <= reasons.keys()
        assert {curve.metric for curve in drawn} <= {"missing_mass", "test_nll"}
    reasons = dict(curves(frequencies(Window(size=2)))[1])
    assert "replace" in reasons["suresh"] and "replace" in reasons["seddik"]
    assert Categorical().refusal(GaussianSource()) is not None and WORDS.problems() == []
