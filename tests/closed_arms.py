"""Arms of the closed-form families that between them reach every path of the lowering."""

from __future__ import annotations

from typing import Any

from recurse.correctors.kmeans import KMeans
from recurse.correctors.oracle import Oracle
from recurse.families.categorical import Categorical
from recurse.families.gaussian import Gaussian
from recurse.families.linear import Linear
from recurse.metrics.diversity import Diversity
from recurse.metrics.entropy import Entropy
from recurse.metrics.excess_risk import ExcessRisk
from recurse.metrics.frechet import Frechet
from recurse.metrics.heterozygosity import Heterozygosity
from recurse.metrics.l2_error import L2Error
from recurse.metrics.mean_error import MeanError
from recurse.metrics.missing_mass import MissingMass
from recurse.metrics.test_nll import HeldoutNll
from recurse.metrics.uncollapsed import Uncollapsed
from recurse.metrics.unique import Unique
from recurse.metrics.variance_ratio import VarianceRatio
from recurse.metrics.w2 import W2
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
from recurse.samplers.bias import Bias
from recurse.samplers.temperature import Temperature
from recurse.samplers.top_k import TopK
from recurse.scenario import Arm, Samples
from recurse.sources.categorical import CategoricalSource
from recurse.sources.gaussian import GaussianSource
from recurse.sources.linear_regression import LinearRegression

COVARIANCE = ((2.0, 0.5, 0.0), (0.5, 1.0, -0.3), (0.0, -0.3, 0.5))
SKEW = GaussianSource(dim=3, mean=(1.0, -2.0, 0.5), covariance=COVARIANCE)
MOMENTS = (MeanError(), VarianceRatio(), W2())
EVERYTHING = (
    *MOMENTS,
    HeldoutNll(heldout=40),
    Frechet(features="raw", samples=60, heldout=80),
    Diversity(samples=30),
)
RISK = (ExcessRisk(),)
FREQUENCIES = (Heterozygosity(), L2Error(), Entropy())
COUNTED = (*FREQUENCIES, Unique(), MissingMass(), Uncollapsed())
WORDS = CategoricalSource(form="given", probabilities=(0.4, 0.05, 0.3, 0.05, 0.2))
COUNTS = Samples(real=24, synthetic=24, fresh=12)


def normal(policy: Policy, **fields: Any) -> Arm:
    """A three-dimensional Gaussian with correlated coordinates."""
    given: dict[str, Any] = {
        "source": SKEW,
        "model": Gaussian(),
        "samples": COUNTS,
        "backend": "numpy",
        "generations": 20,
        "metrics": MOMENTS,
    }
    return Arm(policy=policy, **{**given, **fields})


def least_squares(policy: Policy, **fields: Any) -> Arm:
    """Least squares in four dimensions; the design is reused unless the source says otherwise."""
    given: dict[str, Any] = {
        "source": LinearRegression(dim=4, noise=0.7),
        "model": Linear(),
        "samples": Samples(real=24, synthetic=24, fresh=24),
        "backend": "numpy",
        "generations": 20,
        "metrics": RISK,
    }
    return Arm(policy=policy, **{**given, **fields})


def frequencies(policy: Policy, **fields: Any) -> Arm:
    """Counts of five symbols, two of them rare."""
    given: dict[str, Any] = {
        "source": WORDS,
        "model": Categorical(symbols=5),
        "samples": COUNTS,
        "backend": "numpy",
        "generations": 20,
        "metrics": FREQUENCIES,
    }
    return Arm(policy=policy, **{**given, **fields})


FRESH_DESIGN = LinearRegression(dim=4, noise=0.7, design="fresh")
BIASED = Bias.model_validate({"lambda": 0.6})
POLICIES: dict[str, Policy] = {
    "replace": Replace(),
    "accumulate": Accumulate(),
    "by_age": Accumulate(age="linear"),
    "subsample": AccumulateSubsample(),
    "with_replacement": AccumulateSubsample(replacement=True),
    "mix": Mix(),
    "fresh": Fresh(),
    "window": Window(size=3),
    "grow": Grow(rate=0.5),
    "halfway": Halfway(),
    "memory": Memory(size=3),
    "weighted_fresh": WeightedFresh(w=0.25),
}
ARMS: dict[str, Arm] = {
    **{f"gaussian {name}": normal(policy) for name, policy in POLICIES.items()},
    **{
        f"linear reused {name}": least_squares(POLICIES[name])
        for name in (
            *("replace", "accumulate", "mix", "window", "fresh", "subsample"),
            *("halfway", "memory", "weighted_fresh"),
        )
    },
    **{
        f"linear fresh {name}": least_squares(POLICIES[name], source=FRESH_DESIGN)
        for name in ("replace", "accumulate", "subsample", "grow", "weighted_fresh")
    },
    "gaussian unbiased": normal(Replace(), model=Gaussian(estimator="unbiased")),
    "gaussian all metrics": normal(Mix(), metrics=EVERYTHING),
    "gaussian oracle": normal(Accumulate(), corrector=Oracle(gamma=0.5), metrics=EVERYTHING),
    "gaussian bias": normal(Accumulate(), sampler=BIASED),
    "gaussian bias oracle": normal(Fresh(), sampler=BIASED, corrector=Oracle(gamma=0.5)),
    "gaussian kmeans": normal(Replace(), corrector=KMeans(clusters=4, strength=0.5)),
    **{
        f"categorical {name}": frequencies(POLICIES[name], model=Categorical())
        for name in ("replace", "accumulate", "by_age", "with_replacement", "weighted_fresh")
    },
    "categorical all metrics": frequencies(Mix(), metrics=(*COUNTED, HeldoutNll(heldout=40))),
    "categorical smoothed": frequencies(Fresh(), model=Categorical(smoothing=0.5)),
    "categorical temperature": frequencies(Mix(), sampler=Temperature(value=0.5)),
    "categorical top_k": frequencies(Fresh(), sampler=TopK(k=2)),
    "categorical oracle": frequencies(Window(size=2), corrector=Oracle(gamma=0.5)),
    "linear ridge": least_squares(Accumulate(), model=Linear(ridge=0.2)),
    "linear ridge fresh": least_squares(Mix(), model=Linear(ridge=0.2), source=FRESH_DESIGN),
    "linear oracle": least_squares(Replace(), corrector=Oracle(gamma=0.5)),
    "linear nll": least_squares(Replace(), metrics=(*RISK, HeldoutNll(heldout=40))),
}
