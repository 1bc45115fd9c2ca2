"""The closed forms of the literature, one by one, at the sizes at which they were first checked.

Each row names an arm, the curve that the code draws for it, and the number that the closed form has
there; the number is printed here for the reader and must be that of the curve to its last digit.
Then the real loop is run and its mean compared with the curve. A law of finite n must be met
exactly; one of large n, and a bound that is nearly the answer, within the slack that the row
states. Every comparison has level 1e-6 and a replicate count at which the stated shift (relative to
the curve) would have been found with 99 % power. Seeds are fixed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from scipy.special import eval_jacobi

from recurse.families.categorical import Categorical
from recurse.families.gaussian import Gaussian
from recurse.families.kde import Kde
from recurse.families.linear import Linear
from recurse.families.location import Location
from recurse.families.poisson import Poisson
from recurse.metrics.alive import Alive
from recurse.metrics.excess_risk import ExcessRisk
from recurse.metrics.heterozygosity import Heterozygosity
from recurse.metrics.l2_error import L2Error
from recurse.metrics.mean_error import MeanError
from recurse.metrics.missing_mass import MissingMass
from recurse.metrics.parameter_error import ParameterError
from recurse.metrics.ridge_risk import RidgeRisk
from recurse.metrics.second_moment import SecondMoment
from recurse.metrics.uncollapsed import Uncollapsed
from recurse.metrics.unique import Unique
from recurse.metrics.variance_ratio import VarianceRatio
from recurse.metrics.w2 import W2
from recurse.policies import Policy
from recurse.policies.accumulate import Accumulate
from recurse.policies.accumulate_subsample import AccumulateSubsample
from recurse.policies.fresh import Fresh
from recurse.policies.halfway import Halfway
from recurse.policies.mix import Mix
from recurse.policies.replace import Replace
from recurse.policies.weighted_fresh import WeightedFresh
from recurse.samplers.bias import Bias
from recurse.scenario.scenario import Arm, Samples
from recurse.sources.categorical import CategoricalSource
from recurse.sources.gaussian import GaussianSource
from recurse.sources.linear_regression import LinearRegression
from recurse.sources.location import LocationSource
from recurse.sources.poisson import PoissonSource
from recurse.sources.regression import SpectralRegression
from recurse.theory.collapse_time import chain, diffusion
from recurse.theory.law import curves
from tests.harness import Array, simulate
from tests.statistics_checks import z_test

BLOCK = 2_000
METRICS = {
    kind.model_fields["kind"].default: kind()
    for kind in (Alive, ExcessRisk, Heterozygosity, L2Error, MeanError, MissingMass)
} | {
    kind.model_fields["kind"].default: kind()
    for kind in (ParameterError, SecondMoment, Uncollapsed, Unique, VarianceRatio, W2)
}


@dataclass(frozen=True)
class Row:
    """A line of the table: where the number is on a curve, and how much the loop is run.

    ``fit`` counts fits from 1. The curve is divided by ``unit``, or with 0 by its first value.
    ``slack``: how far, relatively, the curve may be off at this n; 0 for exact laws.
    ``shift``: what would have been found with 99 % power, beyond the slack.
    """

    printed: str
    arm: Arm
    metric: str
    fit: int
    curve: str = "expectation"
    unit: float = 1.0
    slack: float = 0.0
    replicates: int = 4_000
    shift: float = 0.1


def one(policy: Policy, fits: int, *, n: int = 1, metric: str, **parts: Any) -> Arm:
    """An arm on NumPy with ``n`` samples in every generation, run for so many fits."""
    given: dict[str, Any] = {"samples": Samples(real=n, synthetic=n), "backend": "numpy"}
    given |= {"generations": fits - 1, "metrics": (METRICS[metric],)}
    return Arm(policy=policy, **{**given, **parts})


def normal(policy: Policy, fits: int, n: int, metric: str, **parts: Any) -> Arm:
    """One dimension, the truth a standard normal."""
    return one(
        policy,
        fits,
        n=n,
        metric=metric,
        **{"source": GaussianSource(), "model": Gaussian()} | parts,
    )


def squares(policy: Policy, design: str = "reused") -> Arm:
    """Least squares in ten dimensions on 50 samples, ten fits."""
    source = LinearRegression.model_validate({"dim": 10, "noise": 1.0, "design": design})
    return one(policy, 10, n=50, metric="excess_risk", source=source, model=Linear())


def median(policy: Policy) -> Arm:
    source, model = LocationSource(), Location(estimator="median")
    return one(policy, 20, n=201, metric="parameter_error", source=source, model=model)


def symbols(policy: Policy, fits: int, n: int, metric: str, **source: Any) -> Arm:
    made = CategoricalSource.model_validate(source)
    return one(policy, fits, n=n, metric=metric, source=made, model=Categorical())


def mixed(w: float | None, n: int, m: int) -> Arm:
    policy: Policy = Fresh() if w is None else WeightedFresh(w=w)
    counts = Samples(real=n, synthetic=m, fresh=n)
    return normal(policy, 30, n, "mean_error", samples=counts, source=TEN)


def smoothed(policy: Policy) -> Arm:
    source, model = GaussianSource(), Kde(bandwidth=0.3)
    return one(policy, 40, n=50, metric="second_moment", source=source, model=model)


TEN = GaussianSource(dim=10)
"""Ten dimensions at once; errors are ten times those of one."""
UNBIASED = Gaussian(estimator="unbiased")
BIASED = Bias.model_validate({"lambda": 0.8})
GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0
FOLDS = SpectralRegression(dim=20, noise=0.5, design="fresh")
WIDE = LinearRegression(dim=60, noise=0.0, design="fresh")
POWER = SpectralRegression(
    dim=60, noise=0.3, design="fresh", spectrum="power_law", exponent=1.5, decay=1.0
)
STRONG = LinearRegression(dim=100, noise=0.5, design="fresh")
LOOP = Samples(real=50, synthetic=150, fresh=50)
LAST = Samples(real=126, synthetic=500, fresh=500)
MAD: dict[str, Any] = {"source": TEN, "sampler": BIASED, "model": UNBIASED}
REAL_ZIPF = {"form": "zipf_mandelbrot", "symbols": 1000, "exponent": 1.0, "shift": 2.7}
LONG_ZIPF = {"form": "zipf", "symbols": 20_000, "exponent": 1.5}


def ridge(source: Any, labels: int, fits: int, student: int, penalty: float) -> Arm:
    """Generators on ``labels`` samples each; the student is the metric."""
    metric = RidgeRisk(samples=student, ridge=penalty)
    counts = Samples(real=labels, synthetic=labels)
    parts: dict[str, Any] = {"samples": counts, "metrics": (metric,), "model": Linear()}
    return one(Replace(), fits, metric="excess_risk", source=source, **parts)


ROWS: dict[str, Row] = {
    "least squares, replace": Row("2.5641", squares(Replace()), "excess_risk", 10),
    "least squares, accumulate, same X": Row("0.3974", squares(Accumulate()), "excess_risk", 10),
    "least squares, accumulate, fresh X": Row(
        "0.3759", squares(Accumulate(), "fresh"), "excess_risk", 10
    ),
    "least squares, replace with a growing set": Row(
        "0.6685", squares(Halfway(), "fresh"), "excess_risk", 10
    ),
    "Gaussian replace, variance over n": Row(
        "0.3660",
        normal(Replace(), 100, 100, "variance_ratio"),
        *("variance_ratio", 100),
        replicates=20_000,
        shift=0.15,
    ),
    "Gaussian replace, unbiased, W2, t = 10": Row(
        "0.1499", normal(Replace(), 10, 100, "w2", model=UNBIASED), "w2", 10, replicates=8_000
    ),
    "Gaussian replace, unbiased, W2, t = 100": Row(
        "1.4463",
        normal(Replace(), 100, 100, "w2", model=UNBIASED),
        *("w2", 100),
        replicates=20_000,
        shift=0.15,
    ),
    "Gaussian replace, variance over n, W2": Row(
        "1.9994", normal(Replace(), 100, 10, "w2"), "w2", 100, replicates=16_000
    ),
    "Gaussian accumulate, variance": Row(
        "0.8443", normal(Accumulate(), 100, 10, "variance_ratio"), "variance_ratio", 100
    ),
    "Gaussian accumulate, mean": Row(
        "0.6243", normal(Accumulate(), 10, 2, "mean_error"), "mean_error", 10, replicates=16_000
    ),
    "Gaussian subsample, mean": Row(
        "0.2505",
        normal(AccumulateSubsample(), 20, 10, "mean_error"),
        *("mean_error", 20),
        replicates=12_000,
        shift=0.11,
    ),
    "Gaussian subsample, variance": Row(
        "0.9157", normal(AccumulateSubsample(), 20, 32, "variance_ratio"), "variance_ratio", 20
    ),
    "median, discard": Row(
        "20",
        median(Replace()),
        *("parameter_error", 20, "large n: t", 0.0, 0.05),
        replicates=8_000,
        shift=0.12,
    ),
    "median, augment": Row(
        "1.596",
        median(Accumulate()),
        *("parameter_error", 20, "large n: sum", 0.0, 0.05),
        replicates=1_500,
        shift=0.3,
    ),
    "median, subsample": Row(
        "2.788",
        median(AccumulateSubsample()),
        *("parameter_error", 20, "large n: V_t", 0.0, 0.05),
        shift=0.16,
    ),
    "categorical replace": Row(
        "0.3226", symbols(Replace(), 20, 20, "heterozygosity"), "heterozygosity", 20
    ),
    "Poisson extinction": Row(
        "0.31871",
        one(Replace(), 50, n=10, metric="alive", source=PoissonSource(rate=1.0), model=Poisson()),
        *("alive", 50),
        replicates=14_000,
    ),
    "Zipf words left": Row(
        "115.19",
        symbols(Replace(), 10, 1000, "unique", **REAL_ZIPF),
        *("unique", 10, "lower bound"),
        slack=0.01,
        replicates=500,
        shift=0.03,
    ),
    "He, golden ratio": Row(
        "0.6180", mixed(GOLDEN, 100, 100), "mean_error", 30, "steady state", 0.1, 0.02
    ),
    "He, pooled": Row("0.6667", mixed(None, 100, 100), "mean_error", 30, "steady state", 0.1, 0.02),
    "He, k = 0.1": Row(
        "0.2702", mixed(0.2702, 100, 1000), "mean_error", 30, "steady state", 0.1, 0.02
    ),
    "MAD, bias": Row(
        "0.0988", normal(Replace(), 20, 50, "mean_error", **MAD), "mean_error", 20, unit=10.0
    ),
    "MAD fresh loop, mean": Row(
        "0.00717",
        normal(Fresh(), 30, 50, "mean_error", samples=LOOP, **MAD),
        *("mean_error", 30, "fixed point", 10.0),
    ),
    "MAD fresh loop, spread": Row(
        "0.6284",
        normal(Fresh(), 30, 50, "variance_ratio", samples=LOOP, **MAD),
        *("variance_ratio", 30, "fixed point"),
        replicates=1_000,
        shift=0.02,
    ),
    "n-fold regression": Row("1.4440", ridge(FOLDS, 40, 5, 60, 0.0), "ridge_risk", 5),
    "over-parametrised, without noise": Row(
        "0.8750",
        one(Replace(), 3, n=30, metric="excess_risk", source=WIDE, model=Linear(min_norm=True)),
        *("excess_risk", 3, "minimum norm", 60.0),
        replicates=1_000,
    ),
    "ridge, power-law spectrum": Row(
        "0.0989",
        ridge(POWER, 120, 4, 100, 0.02),
        *("ridge_risk", 4, "ridge"),
        slack=0.05,
        replicates=1_000,
    ),
    "strong collapse": Row(
        "0.3056",
        one(Fresh(), 2, metric="excess_risk", source=STRONG, samples=LAST, model=Linear()),
        *("excess_risk", 2, "p1 p2 form"),
        slack=0.02,
        replicates=1_000,
    ),
    "KDE replace": Row("4.60", smoothed(Replace()), "second_moment", 40),
    "KDE accumulate": Row("1.3851", smoothed(Accumulate()), "second_moment", 40, replicates=1_000),
    "Zipf missing mass": Row(
        "0.1294",
        symbols(Replace(), 10, 2000, "missing_mass", **LONG_ZIPF),
        *("missing_mass", 10, "upper bound"),
        slack=0.01,
        replicates=50,
        shift=0.08,
    ),
}


def sample(arm: Arm, replicates: int, of: Callable[[Any], Array]) -> Array:
    """The values of ``of`` on the record of every block, joined over replicates (the last axis)."""
    firsts = range(0, replicates, BLOCK)
    blocks = (range(first, min(first + BLOCK, replicates)) for first in firsts)
    return np.concatenate([of(simulate(arm, block)) for block in blocks], axis=-1)


def near(values: Array, expected: float, slack: float) -> float:
    """Asserts a mean of ``[R]`` within ``slack`` of a number; returns the detectable shift."""
    middle = float(np.clip(values.mean(), *(expected * (1 - slack), expected * (1 + slack))))
    return float(z_test(values, middle)) / expected


@pytest.mark.parametrize("name", ROWS)
def test_row(name: str) -> None:
    row = ROWS[name]
    known = [c for c in curves(row.arm)[0] if c.metric == row.metric and row.curve in c.name]
    (line,) = {c.values[row.fit - 1].round(12): c for c in known}.values()
    assert (line.kind == "exact") or row.slack or "point" in row.curve
    number = line.values[row.fit - 1] / (row.unit or line.values[0])
    places = -int(Decimal(row.printed).as_tuple().exponent)
    assert f"{number:.{places}f}" == row.printed
    values = sample(row.arm, row.replicates, lambda record: record[row.metric][row.fit - 1])
    assert near(values, float(line.values[row.fit - 1]), row.slack) < row.shift


TIMES = {
    "two symbols": ("27.73", (0.5, 0.5), 20, 100),
    "four symbols": ("63.72", (0.7, 0.2, 0.05, 0.05), 50, 300),
}


def expected_fits(p: Array, n: int) -> float:
    """The mean number of fits until one symbol is left, for large n; ``p [K]`` is the first law."""
    rest = 1.0 - p[p < 1.0]
    return float(-2.0 * n * rest @ np.log(rest))


@pytest.mark.parametrize("name", TIMES)
def test_collapse_time(name: str) -> None:
    """The mean of the number of fits until one symbol is left: exact, and the published 2n form.

    Runs are as long as 99 of 100 seeds take. The diffusion is one to two fits too
    long at these n, in the same way for the chain and for the loop.
    """
    printed, p, n, fits = TIMES[name]
    arm = symbols(Replace(), fits, n, "uncollapsed", form="given", probabilities=p)
    assert f"{expected_fits(arm.source.p, n):.2f}" == printed
    lines = {c.kind: c.values for c in curves(arm)[0] if c.metric == "uncollapsed"}
    exact, large = lines["exact"], lines["asymptotic"]
    assert exact[-1] < 0.01
    lasted = sample(arm, 2_000, lambda record: 1.0 + record["uncollapsed"].sum(axis=0))
    assert near(lasted, 1.0 + float(exact.sum()), 0.0) < 0.15
    assert abs(0.5 + large.sum() - float(printed)) < 0.02 * float(printed)
    assert 1.0 < float(printed) - chain(arm.source.p, n, 4 * fits).sum() - 1.0 < 2.0


def test_series_of_the_collapse_time_is_that_of_scipy() -> None:
    """Term by term, ``F(1 - i, i + 2; 2; p)`` as Jacobi polynomials: every one shows early on."""
    p, n, fits = np.array([0.6, 0.3, 0.07, 0.03]), 400, 600
    i = np.arange(1.0, 190.0)
    shape = eval_jacobi(i[:, None] - 1.0, 1.0, 1.0, 1.0 - 2.0 * p) / i[:, None]
    weight = ((-1.0) ** i * (2.0 * i + 1.0))[:, None] * p * (1.0 - p) * shape
    time = np.arange(1.0, fits + 1)[:, None]
    left = -np.exp(-time * i * (i + 1.0) / (2.0 * n)) @ weight.sum(axis=1)
    found = diffusion(p, n, fits)
    np.testing.assert_allclose(found[5:], np.clip(left, 0.0, 1.0)[5:], rtol=1e-9, atol=1e-9)
    assert found[5] > 0.999 and 0.2 < found[-1] < 0.9


def test_plateau_beside_a_fixed_sample() -> None:
    """``E|p_t - p_hat|^2`` around the real sample's own frequencies; N = 100, n = 1000, h = 0.70.

    After 41 fits it is 0.003283, in the limit 0.003284.
    """
    parts = {"form": "given", "probabilities": (0.4, 0.3, 0.2, 0.1)}
    arm = symbols(Mix(), 41, 100, "l2_error", **parts)
    arm = arm.model_copy(update={"samples": Samples(real=100, synthetic=1000)})
    known = {c.name: c.values for c in curves(arm)[0] if c.metric == "l2_error"}
    expected = known["expectation"] - known["expectation"][0]
    limit = known["many generations: plateau"] - known["expectation"][0]
    assert f"{expected[-1]:.6f}" == "0.003283" and f"{limit[-1]:.6f}" == "0.003284"

    def apart(seeds: range) -> Array:
        saved = simulate(arm, seeds, keep=(0, 40)).saved
        return np.sum((saved[40].params["p"] - saved[0].params["p"]) ** 2, axis=1)

    assert near(apart(range(4_000)), float(expected[-1]), 0.0) < 0.11
