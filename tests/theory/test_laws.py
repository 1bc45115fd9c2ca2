"""The laws on real arms: which curves are drawn, what they say, and why a law is left out.

Simulations of ``W2``: level 1e-6 together, a shift of 5 % would have been seen with 99 % power.
"""

from __future__ import annotations

import time

import numpy as np
import pytest

from recurse.correctors.kmeans import KMeans
from recurse.correctors.oracle import Oracle
from recurse.families.gaussian import Gaussian
from recurse.families.linear import Linear
from recurse.policies import Policy
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
from recurse.schedule import Schedule
from recurse.sources.digits import Digits
from recurse.sources.gaussian import GaussianSource
from recurse.sources.linear_regression import LinearRegression
from recurse.theory import Curve, curves, laws
from recurse.theory import moments as engine
from tests.discrete_arms import frequencies
from tests.statistics_checks import z_test
from tests.theory.arms import gaussian_arm, linear_arm
from tests.theory.loops import gaussian_loop

UNBIASED = Gaussian(estimator="unbiased")


def drawn(arm: Arm) -> dict[tuple[str, str], Curve]:
    """Curves by (metric, name)."""
    return {(curve.metric, curve.name): curve for curve in curves(arm)[0]}


def exact(arm: Arm, metric: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The one expectation of a metric that holds for any schedule."""
    (found,) = [c for c in curves(arm)[0] if c.metric == metric and c.name.startswith("expect")]
    assert found.kind == "exact"
    return found.values


def reasons(arm: Arm) -> dict[str, str]:
    """Why laws are left out."""
    return dict(curves(arm)[1])


def test_laws_are_found_in_the_folder() -> None:
    names = [law.name for law in laws()]
    assert names == sorted(names)
    assert {"gaussian_moments", "linear_risk", "gerstgrasser", "kazdan", "dey_donoho"} <= set(names)


POLICIES: list[Policy] = [
    Replace(),
    Accumulate(),
    Accumulate(age="linear"),
    AccumulateSubsample(),
    AccumulateSubsample(replacement=True),
    Mix(),
    Fresh(),
    Window(size=4),
    Grow(rate=0.5),
    Halfway(),
    Memory(size=3),
    WeightedFresh(w=0.3),
]


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
def test_every_curve_is_whole_named_and_cited(policy: Policy) -> None:
    """Every policy has curves for both families."""
    samples = Samples(real=50, synthetic=50, fresh=50)
    for arm in (gaussian_arm(policy, samples=samples), linear_arm(policy, samples=samples)):
        found, refused = curves(arm)
        assert found and all(reason for _, reason in refused)
        for curve in found:
            assert curve.values.shape == (21,) and curve.values.dtype == np.float64
            assert np.all(np.isfinite(curve.values)) and curve.name and curve.cite
        assert len({(curve.metric, curve.name) for curve in found}) == len(found)


def test_bounds_from_below_say_so() -> None:
    """Reports and claims tell the side of a bound by its name."""
    share = linear_arm(
        Fresh(),
        source=LinearRegression(dim=10, design="fresh"),
        samples=Samples(real=50, synthetic=25, fresh=25),
    )
    for arm in (share, frequencies(Replace())):
        names = {curve.name for curve in curves(arm)[0] if curve.kind == "bound"}
        assert names & {"lower bound: p2^2 c2", "lower bound: entropy of the source"}


def test_units_are_those_of_the_source() -> None:
    """Mean error in units of the trace, the variance ratio without units, risk times sigma^2."""
    source = GaussianSource(dim=2, covariance=((3.0, 1.0), (1.0, 5.0)))
    wide, plain = gaussian_arm(Mix(), source=source), gaussian_arm(Mix())
    assert np.allclose(exact(wide, "mean_error"), 8 * exact(plain, "mean_error"), rtol=1e-14)
    assert np.array_equal(exact(wide, "variance_ratio"), exact(plain, "variance_ratio"))
    noisy = linear_arm(Mix(), source=LinearRegression(dim=10, noise=3.0))
    quiet = linear_arm(Mix())
    assert np.allclose(exact(noisy, "excess_risk"), 9 * exact(quiet, "excess_risk"), rtol=1e-14)


def test_table_of_gaussian_values() -> None:
    """theory.md 0.4; its t is our generation + 1."""
    assert abs(exact(gaussian_arm(Replace(), 100, 99), "variance_ratio")[-1] - 0.3660) < 5e-5
    assert abs(exact(gaussian_arm(Accumulate(), 10, 99), "variance_ratio")[-1] - 0.8443) < 5e-5
    assert abs(exact(gaussian_arm(Accumulate(), 2, 9), "mean_error")[-1] - 0.6243) < 5e-5
    assert abs(exact(gaussian_arm(AccumulateSubsample(), 10, 19), "mean_error")[-1] - 0.2505) < 5e-5
    held = exact(gaussian_arm(AccumulateSubsample(), 32, 19), "variance_ratio")[-1]
    assert abs(held - 0.9157) < 5e-5
    pooled = gaussian_arm(Accumulate(), 10, 99, model=UNBIASED)
    assert abs(exact(pooled, "variance_ratio")[-1] - 0.936) < 5e-4
    w2 = exact(gaussian_arm(Replace(), 100, 99, model=UNBIASED), "w2")
    assert abs(w2[9] - 0.1499) < 5e-5 and abs(w2[99] - 1.4463) < 5e-5
    assert abs(exact(gaussian_arm(Replace(), 10, 99), "w2")[-1] - 1.9994) < 5e-5


@pytest.mark.parametrize("model", [Gaussian(), UNBIASED], ids=["mle", "unbiased"])
def test_w2_against_simulation(model: Gaussian) -> None:
    arm = gaussian_arm(Replace(), 12, 5, model=model, source=GaussianSource(covariance=((4.0,),)))
    expected = exact(arm, "w2")
    unbiased = model.estimator == "unbiased"
    errors, _, deviations = gaussian_loop(
        Schedule(Replace(), 12, 12, 0, 5), 60_000, 3, np.array([[2.0]]), unbiased=unbiased
    )
    shift = z_test(errors + (deviations - 2.0) ** 2, expected)
    assert np.all(shift < 0.05 * expected)


def test_w2_is_left_out_where_it_is_not_known() -> None:
    for arm in (
        gaussian_arm(Replace(), source=GaussianSource(dim=2)),
        gaussian_arm(Accumulate()),
        gaussian_arm(Replace(), corrector=Oracle(gamma=1.0)),
    ):
        assert all(curve.metric != "w2" for curve in curves(arm)[0])


def test_gerstgrasser() -> None:
    a = 10 / 39
    growth = drawn(linear_arm(Replace()))["excess_risk", "linear growth"]
    assert growth.kind == "exact" and np.allclose(growth.values, a * np.arange(1, 22), rtol=1e-14)
    assert np.allclose(growth.values, exact(linear_arm(Replace()), "excess_risk"), rtol=1e-12)
    for source in (LinearRegression(dim=10), LinearRegression(dim=10, design="fresh")):
        arm = linear_arm(Accumulate(), generations=300, source=source)
        bound = drawn(arm)["excess_risk", "upper bound pi^2/6"]
        assert bound.kind == "bound" and np.allclose(bound.values, a * np.pi**2 / 6, rtol=1e-14)
        assert np.all(exact(arm, "excess_risk") < bound.values)
    reused = exact(linear_arm(Accumulate(), generations=300), "excess_risk")
    assert reused[-1] > 0.997 * a * np.pi**2 / 6


def test_kazdan() -> None:
    arm = gaussian_arm(Accumulate(), 10, 300)
    found = drawn(arm)
    for metric in ("variance_ratio", "mean_error"):
        assert np.allclose(found[metric, "sine product"].values, exact(arm, metric), atol=1e-12)
    limit = found["variance_ratio", "lower bound, its limit"]
    assert limit.kind == "bound"
    root = np.pi / np.sqrt(10)
    assert np.allclose(limit.values, np.sin(root) / root, rtol=1e-14)
    left = exact(arm, "variance_ratio") - limit.values
    assert np.all(left > 0) and left[-1] < 1e-3
    assert np.all(exact(arm, "mean_error") < found["mean_error", "upper bound, its limit"].values)


def test_dey_donoho_is_near_the_exact_curve_at_large_n() -> None:
    policies: list[Policy] = [Replace(), Accumulate(), AccumulateSubsample()]
    for policy in policies:
        arms = [gaussian_arm(policy, 2000)]
        if isinstance(policy, AccumulateSubsample):
            arms.append(linear_arm(policy, 2000))
        for arm in arms:
            found, _ = curves(arm)
            (main,) = [
                c
                for c in found
                if c.name.startswith(("expect", "large-n"))
                and c.metric in ("mean_error", "excess_risk")
            ]
            (line,) = [c for c in found if c.name.startswith("large n:")]
            assert line.kind == "asymptotic" and line.metric == main.metric
            assert np.allclose(line.values, main.values, rtol=0.01)


def test_dey_donoho_limits() -> None:
    limits = {"pi^2/6": (Accumulate(), np.pi**2 / 6), "pi^2/2": (AccumulateSubsample(), 2.934802)}
    for name, (policy, factor) in limits.items():
        (limit,) = [c for c in curves(gaussian_arm(policy))[0] if "generations" in c.name]
        assert name in limit.name and np.allclose(limit.values, factor / 10, rtol=1e-6)


REFUSED: dict[str, tuple[Arm, dict[str, str]]] = {
    "too few samples": (
        linear_arm(Replace(), 11),
        {name: "infinite with 11" for name in ("linear_risk", "gerstgrasser", "dey_donoho")},
    ),
    "ridge": (linear_arm(Replace(), model=Linear(ridge=0.1)), {"linear_risk": "ridge"}),
    "kmeans": (
        gaussian_arm(Replace(), corrector=KMeans()),
        {"gaussian_moments": "kmeans corrector", "kazdan": "uncorrected", "dey_donoho": "uncorr"},
    ),
    "linear kmeans": (linear_arm(Replace(), corrector=KMeans()), {"linear_risk": "kmeans"}),
    "not a law": (
        gaussian_arm(Replace(), source=Digits()),
        {name: "digits source" for name in ("gaussian_moments", "kazdan", "dey_donoho")},
    ),
    "unbiased": (gaussian_arm(Accumulate(), model=UNBIASED), {"kazdan": "maximum-likelihood"}),
    "another policy": (
        gaussian_arm(Window(size=3)),
        {"kazdan": "accumulate with equal", "dey_donoho": "equal counts"},
    ),
    "the same exactly": (linear_arm(Accumulate()), {"dey_donoho": "exact law"}),
    "unequal counts": (
        linear_arm(Accumulate(), samples=Samples(real=50, synthetic=100)),
        {"gerstgrasser": "equal counts", "dey_donoho": "equal counts"},
    ),
    "by age": (gaussian_arm(Accumulate(age="linear")), {"kazdan": "equal", "dey_donoho": "equal"}),
    "with replacement": (
        gaussian_arm(AccumulateSubsample(replacement=True)),
        {"dey_donoho": "without replacement"},
    ),
    "another budget": (
        linear_arm(AccumulateSubsample(budget=40)),
        {"dey_donoho": "one generation's size", "gerstgrasser": "replace and accumulate"},
    ),
    "nothing to see": (
        gaussian_arm(Fresh(), samples=Samples(real=9, synthetic=0, fresh=0)),
        {name: "fitted on nothing" for name in ("gaussian_moments", "kazdan", "dey_donoho")},
    ),
    "one sample": (gaussian_arm(Replace(), 1, model=UNBIASED), {"gaussian_moments": "above 1"}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_condition_gives_its_reason(case: str) -> None:
    arm, expected = REFUSED[case]
    found = reasons(arm)
    for law, words in expected.items():
        assert words in found[law]


def test_too_many_kinds_of_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MAX_CLASSES", 30)
    assert "told apart" in reasons(gaussian_arm(Window(size=31), 11, 80))["gaussian_moments"]
    assert "gaussian_moments" not in reasons(gaussian_arm(Window(size=30), 11, 80))
    assert "gaussian_moments" not in reasons(gaussian_arm(Accumulate(), 11, 80))


def test_an_oracle_leaves_the_exact_expectation_and_drops_the_papers() -> None:
    arm = gaussian_arm(Accumulate(), corrector=Oracle(gamma=1.0))
    assert {"kazdan", "dey_donoho"} <= set(reasons(arm))
    assert "gaussian_moments" not in reasons(arm)
    plain = gaussian_arm(Accumulate())
    assert np.all(exact(arm, "mean_error")[1:] < exact(plain, "mean_error")[1:])


def test_a_hundred_generations_cost_milliseconds() -> None:
    """The budget is 50 ms for all laws of an arm; ten times that is tolerated on a busy machine."""
    start = time.perf_counter()
    assert curves(gaussian_arm(Accumulate(), 37, 100))[0]
    assert time.perf_counter() - start < 0.5
