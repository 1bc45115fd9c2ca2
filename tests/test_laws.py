"""The real loop against theory: every exact curve of an arm is the mean of what the arm measures.

Both lowerings, on NumPy (the other backends give the same numbers, see test_parity). Each test has
level 1e-6 over all its generations and asserts the smallest shift of a mean that it would have
found with 99 % power, relative to the curve. Seeds are fixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from recurse.correctors.oracle import Oracle
from recurse.families.gaussian import Gaussian
from recurse.lowering.decision import decide
from recurse.metrics.mean_error import MeanError
from recurse.metrics.variance_ratio import VarianceRatio
from recurse.metrics.w2 import W2
from recurse.policies.accumulate import Accumulate
from recurse.policies.accumulate_subsample import AccumulateSubsample
from recurse.policies.fresh import Fresh
from recurse.policies.grow import Grow
from recurse.policies.halfway import Halfway
from recurse.policies.memory import Memory
from recurse.policies.mix import Mix
from recurse.policies.replace import Replace
from recurse.policies.weighted_fresh import WeightedFresh
from recurse.policies.window import Window
from recurse.scenario.scenario import Arm, Samples
from recurse.sources.gaussian import GaussianSource
from recurse.sources.linear_regression import LinearRegression
from recurse.theory.law import curves
from tests.closed_arms import BIASED, least_squares, normal
from tests.harness import Array, change, simulate
from tests.statistics_checks import z_test

WIDTH = 1_000
UNBIASED = Gaussian(estimator="unbiased")
SMALL = Samples(real=10, synthetic=10)
UNEQUAL = Samples(real=16, synthetic=8, fresh=6)
FRESH_DESIGN = LinearRegression(dim=4, noise=0.7, design="fresh")
SHORT = {"generations": 8, "metrics": (MeanError(), VarianceRatio())}
LINE = {"generations": 8}
ORACLE = Oracle(gamma=1.0)
ONE_DIMENSION = {
    "source": GaussianSource(mean=(3.0,), covariance=((4.0,),)),
    "metrics": (MeanError(), VarianceRatio(), W2()),
}

GAUSSIAN: dict[str, Arm] = {
    "replace": normal(Replace(), samples=SMALL, **SHORT),
    "replace unbiased": normal(Replace(), samples=SMALL, model=UNBIASED, **SHORT),
    "replace, more synthetic": normal(Replace(), samples=Samples(real=8, synthetic=20), **SHORT),
    "replace, one dimension": normal(Replace(), samples=SMALL, **{**SHORT, **ONE_DIMENSION}),
    "accumulate": normal(Accumulate(), samples=SMALL, **SHORT),
    "accumulate unbiased": normal(Accumulate(), samples=SMALL, model=UNBIASED, **SHORT),
    "accumulate, two samples": normal(Accumulate(), samples=Samples(real=2, synthetic=2), **SHORT),
    "accumulate by age": normal(Accumulate(age="linear"), samples=SMALL, **SHORT),
    "subsample": normal(AccumulateSubsample(), samples=SMALL, **SHORT),
    "subsample, replaced": normal(AccumulateSubsample(replacement=True), samples=SMALL, **SHORT),
    "subsample, budget": normal(AccumulateSubsample(budget=7), samples=SMALL, **SHORT),
    "window": normal(Window(size=3), samples=SMALL, **SHORT),
    "window unbiased": normal(Window(size=2), samples=UNEQUAL, model=UNBIASED, **SHORT),
    "mix": normal(Mix(), samples=UNEQUAL, **SHORT),
    "mix, lambda": normal(Mix.model_validate({"lambda": 2.0}), samples=SMALL, **SHORT),
    "fresh": normal(Fresh(), samples=UNEQUAL, **SHORT),
    "oracle replace": normal(Replace(), samples=SMALL, corrector=ORACLE, **SHORT),
    "oracle accumulate": normal(Accumulate(), samples=SMALL, corrector=ORACLE, **SHORT),
    "weighted fresh": normal(WeightedFresh(w=0.3), samples=UNEQUAL, **SHORT),
    "weighted fresh unbiased": normal(WeightedFresh(), samples=UNEQUAL, model=UNBIASED, **SHORT),
    "grow": normal(Grow(rate=0.5), samples=SMALL, **SHORT),
    "halfway": normal(Halfway(), samples=SMALL, **SHORT),
    "halfway, one dimension": normal(Halfway(), samples=SMALL, **{**SHORT, **ONE_DIMENSION}),
    "memory": normal(Memory(size=3), samples=UNEQUAL, **SHORT),
    "bias replace": normal(Replace(), samples=SMALL, sampler=BIASED, **SHORT),
    "bias replace, one dimension": normal(
        Replace(), samples=SMALL, sampler=BIASED, model=UNBIASED, **{**SHORT, **ONE_DIMENSION}
    ),
    "bias accumulate": normal(Accumulate(), samples=SMALL, sampler=BIASED, **SHORT),
    "bias mix unbiased": normal(Mix(), samples=UNEQUAL, sampler=BIASED, model=UNBIASED, **SHORT),
    "bias fresh": normal(Fresh(), samples=UNEQUAL, sampler=BIASED, **SHORT),
    "bias weighted": normal(WeightedFresh(w=0.3), samples=UNEQUAL, sampler=BIASED, **SHORT),
    "bias oracle": normal(Accumulate(), samples=SMALL, sampler=BIASED, corrector=ORACLE, **SHORT),
    "bias subsample": normal(AccumulateSubsample(), samples=SMALL, sampler=BIASED, **SHORT),
}
LINEAR: dict[str, Arm] = {
    "replace": least_squares(Replace(), **LINE),
    "accumulate": least_squares(Accumulate(), **LINE),
    "mix": least_squares(Mix(), **LINE),
    "mix, two copies": least_squares(Mix(), samples=Samples(real=24, synthetic=48), **LINE),
    "window": least_squares(Window(size=3), **LINE),
    "halfway": least_squares(Halfway(), **LINE),
    "fresh": least_squares(Fresh(), **LINE),
    "memory": least_squares(Memory(size=2), **LINE),
    "weighted fresh": least_squares(WeightedFresh(w=0.3), **LINE),
    "fresh design, halfway": least_squares(Halfway(), source=FRESH_DESIGN, **LINE),
    "fresh design, grow": least_squares(Grow(rate=0.4), source=FRESH_DESIGN, **LINE),
    "fresh design, replace": least_squares(Replace(), source=FRESH_DESIGN, **LINE),
    "fresh design, accumulate": least_squares(Accumulate(), source=FRESH_DESIGN, **LINE),
    "fresh design, mix": least_squares(Mix(), source=FRESH_DESIGN, generations=1),
    "fresh design, fresh": least_squares(
        Fresh(), source=FRESH_DESIGN, samples=Samples(real=24, synthetic=20, fresh=10), **LINE
    ),
    "fresh design, oracle": least_squares(Replace(), source=FRESH_DESIGN, corrector=ORACLE, **LINE),
}


@dataclass(frozen=True)
class Case:
    """An arm, how it is lowered, and with how many replicates."""

    arm: Arm
    exact: bool
    replicates: int
    detectable: float


def cases(arms: dict[str, Arm], detectable: float) -> dict[str, Case]:
    found = {}
    for name, arm in arms.items():
        found[f"{name}, samples"] = Case(arm, False, 3_000, detectable * 2)
        if decide(arm).lowering == "statistics":
            found[f"{name}, statistics"] = Case(arm, True, 12_000, detectable)
    return found


CASES = {
    **{f"gaussian {k}": v for k, v in cases(GAUSSIAN, 0.16).items()},
    **{f"linear {k}": v for k, v in cases(LINEAR, 0.065).items()},
}


def sample(arm: Arm, replicates: int, exact: bool | None = None) -> dict[str, Array]:
    """Every metric ``[R, G+1]``, run in blocks as the planner would."""
    firsts = range(0, replicates, WIDTH)
    blocks = [simulate(arm, range(first, first + WIDTH), exact) for first in firsts]
    return {m: np.concatenate([b[m] for b in blocks], axis=1).T for m in blocks[0].metrics}


@pytest.mark.parametrize("name", CASES)
def test_law(name: str) -> None:
    case = CASES[name]
    laws = {c.metric: c.values for c in curves(case.arm)[0] if c.name.startswith("expect")}
    expected = {m.kind: laws[m.kind] for m in case.arm.metrics if m.kind in laws}
    assert expected and laws.keys() - expected.keys() <= {"log_spread"}, "log_spread: test_spread"
    found = sample(case.arm, case.replicates, case.exact)
    for metric, curve in expected.items():
        shift = z_test(found[metric], curve)
        relative = shift / curve
        assert np.all(relative < case.detectable), f"{metric}: {relative.max():.3f}"


def test_laws_are_told_apart() -> None:
    """Law by law, the next arm in the list would have been refused: no curve is everybody's."""
    for arms in (GAUSSIAN, LINEAR):
        finals = [round(float(curves(arm)[0][0].values[1]), 9) for arm in arms.values()]
        assert len(set(finals)) > len(finals) / 2


@pytest.mark.parametrize("gamma", [0.25, 3.0])
def test_oracle_touches_its_share(gamma: float) -> None:
    arm = normal(Replace(), samples=SMALL, corrector=Oracle(gamma=gamma), **SHORT)
    share = sample(arm, 4_000)["corrected_share"][:, 1:]
    shift = z_test(share, gamma / (1 + gamma))
    assert np.all(shift < 0.02)


def test_draws_of_a_generation_are_new() -> None:
    """The error added by each generation is independent of the error before it.

    With a reused design ``w_g - w_(g-1)`` has mean zero whatever ``w_(g-1)`` is, so the risk is a
    sum of ``g + 1`` equal parts; reused noise would make it grow like ``(g + 1)^2``.
    """
    risk = sample(least_squares(Replace(), generations=6), 12_000)["excess_risk"]
    shift = z_test(np.diff(risk, axis=1) - risk[:, :1], 0.0)
    assert np.all(shift < 0.25 * risk[:, 0].mean())


STEPS = np.arange(1, 6)
"""Fits made so far in generations 0..4; theory.md counts them as t."""
SQUARES = np.cumsum(1.0 / STEPS**2)
TEN = 1 / 10
PRODUCT = np.cumprod(1 - TEN / STEPS**2)


def subsampled(n: int, fits: int) -> Array:
    """``E||mu_t - mu||^2 / tr Sigma`` of accumulate-subsample, theory.md section 0.2."""
    errors, pools = [0.0], [0.0]
    for t in range(1, fits + 1):
        pooled = t * n
        among = n * (n - 1) * sum(errors[:t])
        across = 2 * n**2 * sum(g * pools[g] for g in range(1, t))
        shared = (among + across) / (pooled * (pooled - 1))
        pools.append(1 / pooled + (1 - 1 / pooled) * shared)
        errors.append(1 / n + (1 - 1 / n) * shared)
    return np.array(errors[1:])


def fresh_loop(nr: int, ns: int, bias: float, first: float, fits: int) -> tuple[Array, Array]:
    """Error of the mean and variance of the fresh loop, unbiased; theory.md section 8d."""
    n = nr + ns
    m, s = [first], [1.0]
    for _ in range(fits - 1):
        v = bias * s[-1]
        s.append((nr - 1 + ns / n + (ns - 1 + nr / n) * v + nr * ns / n * m[-1]) / (n - 1))
        m.append((ns / n) ** 2 * m[-1] + (nr + ns * v) / n**2)
    return np.array(m), np.array(s)


def weighted_loop(real: int, n: int, fits: int) -> Array:
    """Error of the mean with weights 0.3 : 0.7 on n fresh and n synthetic samples, section 8a.

    The variance is that of the union: ``s' = 0.3 + 0.7 s + 0.7 m - m'``.
    """
    m, s = [1 / real], [1 - 1 / real]
    for _ in range(fits - 1):
        m.append(0.49 * m[-1] + (0.09 + 0.49 * s[-1]) / n)
        s.append(0.3 + 0.7 * (s[-1] + m[-2]) - m[-1])
    return np.array(m)


BIASED_REPLACE = normal(Replace(), samples=SMALL, sampler=BIASED, model=UNBIASED, **SHORT)
BIASED_FRESH = normal(Fresh(), samples=UNEQUAL, sampler=BIASED, model=UNBIASED, **SHORT)
FOUR = normal(AccumulateSubsample(), samples=Samples(real=4, synthetic=4), **SHORT)
BY_HAND: dict[str, tuple[Arm, str, NDArray[Any]]] = {
    "replace, variance": (GAUSSIAN["replace"], "variance_ratio", (1 - TEN) ** STEPS),
    "replace, mean": (GAUSSIAN["replace"], "mean_error", 3.5 * (1 - (1 - TEN) ** STEPS)),
    "unbiased, variance": (GAUSSIAN["replace unbiased"], "variance_ratio", np.ones(5)),
    "unbiased, mean": (GAUSSIAN["replace unbiased"], "mean_error", 3.5 * TEN * STEPS),
    "accumulate, variance": (GAUSSIAN["accumulate"], "variance_ratio", PRODUCT),
    "accumulate, mean": (GAUSSIAN["accumulate"], "mean_error", 3.5 * (1 - PRODUCT)),
    "subsample, mean": (FOUR, "mean_error", 3.5 * subsampled(4, 5)),
    "subsample, variance": (FOUR, "variance_ratio", 1 - subsampled(4, 5)),
    "linear replace": (LINEAR["replace"], "excess_risk", 1.0 * STEPS),
    "linear accumulate": (LINEAR["accumulate"], "excess_risk", SQUARES),
    # w_g = (p_(g-1) + p_g) / 2 with p_g = w_(g-1) + e_g, in units of the first fit.
    "linear window": (
        least_squares(Window(size=2), **LINE),
        "excess_risk",
        np.array([1, 5 / 4, 29 / 16, 141 / 64]),
    ),
    # w_g = (p_0 + p_g) / 2.
    "linear mix": (LINEAR["mix"], "excess_risk", np.array([1, 5 / 4, 21 / 16, 85 / 64])),
    # Twice, three times, ... the data of the first fit: 1 + 1/2 + 1/3 + ...
    "linear halfway": (LINEAR["halfway"], "excess_risk", np.cumsum(1.0 / STEPS)),
    "linear halfway, fresh": (
        LINEAR["fresh design, halfway"],
        "excess_risk",
        19 * np.cumsum(1.0 / (24 * STEPS - 5)),
    ),
    # theory.md 8d: E Sigma_t = lambda^(t-1) Sigma, E||mu_t||^2 = tr (1 - lambda^t)/n(1 - lambda).
    "bias, variance": (BIASED_REPLACE, "variance_ratio", 0.6 ** (STEPS - 1)),
    "bias, mean": (BIASED_REPLACE, "mean_error", 3.5 * TEN * (1 - 0.6**STEPS) / 0.4),
    # Section 8d again: the fresh loop with bias, one step at a time.
    "bias fresh, mean": (BIASED_FRESH, "mean_error", 3.5 * fresh_loop(6, 8, 0.6, 1 / 16, 5)[0]),
    "bias fresh, variance": (BIASED_FRESH, "variance_ratio", fresh_loop(6, 8, 0.6, 1 / 16, 5)[1]),
    # mu' = 0.3 real + 0.7 synthetic.
    "weighted, mean": (
        normal(WeightedFresh(w=0.3), samples=Samples(real=10, synthetic=1000, fresh=1000), **SHORT),
        "mean_error",
        3.5 * weighted_loop(10, 1000, 5),
    ),
    # w_g = (f_g + p_g) / 2 with new labels f_g from the truth.
    "linear fresh": (
        least_squares(Fresh(), **LINE),
        "excess_risk",
        np.array([1, 3 / 4, 11 / 16, 43 / 64]),
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_law_worked_out_by_hand(name: str) -> None:
    """Without the schedule, which theory and loop share: a policy that is off shows here."""
    arm, metric, expected = BY_HAND[name]
    if metric == "excess_risk":
        expected = expected * 0.7**2 * 4 / (24 - 4 - 1)
    last = len(expected) - 1
    found = sample(change(arm, generations=last), 12_000)[metric]
    shift = z_test(found, expected)
    assert np.all(shift < 0.11 * expected)
