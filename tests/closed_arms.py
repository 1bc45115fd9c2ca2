"""Arms of the closed-form families that between them reach every path of the lowering."""

from __future__ import annotations

from typing import Any

from recurse.correctors.curation import Curation
from recurse.correctors.detector import Detector
from recurse.correctors.kmeans import KMeans
from recurse.correctors.oracle import Oracle
from recurse.correctors.verifier import Reference, Verifier
from recurse.families.gaussian import Gaussian
from recurse.families.linear import Linear
from recurse.metrics.diversity import Diversity
from recurse.metrics.excess_risk import ExcessRisk
from recurse.metrics.frechet import Frechet
from recurse.metrics.log_spread import LogSpread
from recurse.metrics.mean_error import MeanError
from recurse.metrics.sign_accuracy import SignAccuracy
from recurse.metrics.test_nll import HeldoutNll
from recurse.metrics.variance_ratio import VarianceRatio
from recurse.metrics.w2 import W2
from recurse.policies import Policy
from recurse.policies.accumulate import Accumulate
from recurse.policies.accumulate_subsample import AccumulateSubsample
from recurse.policies.augment_aged import AugmentAged
from recurse.policies.fresh import Fresh
from recurse.policies.grow import Grow
from recurse.policies.halfway import Halfway
from recurse.policies.memory import Memory
from recurse.policies.mix import Mix
from recurse.policies.replace import Replace
from recurse.policies.weighted_fresh import WeightedFresh
from recurse.policies.window import Window
from recurse.samplers.bias import Bias
from recurse.scenario.scenario import Arm, Samples
from recurse.sources.gaussian import GaussianSource
from recurse.sources.linear_regression import LinearRegression
from tests.discrete_arms import DISCRETE
from tests.glm_arms import GLMS
from tests.gmm_arms import GMM
from tests.kde_arms import KDE
from tests.kernel_arms import KERNELS
from tests.regression_arms import REGRESSIONS
from tests.scalar_arms import SCALARS
from tests.text_arms import NGRAM

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
RISKS = (*RISK, SignAccuracy())
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


FRESH_DESIGN = LinearRegression(dim=4, noise=0.7, design="fresh")
BIASED = Bias.model_validate({"lambda": 0.6})
NEAR = Verifier(reference=Reference(offset=0.5, tolerance=1.8))
TURNED = Verifier(error=0.3, phi=0.9, psi=0.4)
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
    **SCALARS,
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
    "gaussian augment_aged": normal(AugmentAged()),
    "gaussian unbiased": normal(Replace(), model=Gaussian(estimator="unbiased")),
    "gaussian all metrics": normal(Mix(), metrics=EVERYTHING),
    "gaussian oracle": normal(Accumulate(), corrector=Oracle(gamma=0.5), metrics=EVERYTHING),
    "gaussian log spread": normal(Grow(rate=0.5), sampler=BIASED, metrics=(LogSpread(),)),
    "gaussian bias": normal(Accumulate(), sampler=BIASED),
    "gaussian bias oracle": normal(Fresh(), sampler=BIASED, corrector=Oracle(gamma=0.5)),
    "gaussian kmeans": normal(Replace(), corrector=KMeans(clusters=4, strength=0.5)),
    **DISCRETE,
    **NGRAM,
    **KDE,
    **GMM,
    **GLMS,
    **REGRESSIONS,
    **KERNELS,
    "gaussian curation": normal(Mix(), corrector=Curation(direction=(0.2, 0.0, -0.1))),
    "gaussian detector": normal(Fresh(), corrector=Detector(auc=0.7, power=2.0)),
    "gaussian verifier": normal(Accumulate(), corrector=NEAR),
    "gaussian verifier subsample": normal(AccumulateSubsample(), corrector=NEAR),
    "linear verifier": least_squares(Mix(), source=FRESH_DESIGN, corrector=TURNED),
    "linear verifier reused": least_squares(Accumulate(), corrector=TURNED),
    "linear ridge": least_squares(Accumulate(), model=Linear(ridge=0.2)),
    "linear ridge fresh": least_squares(Mix(), model=Linear(ridge=0.2), source=FRESH_DESIGN),
    "linear oracle": least_squares(Replace(), corrector=Oracle(gamma=0.5)),
    "linear signs": least_squares(Replace(), metrics=RISKS),
    "linear nll": least_squares(Replace(), metrics=(*RISK, HeldoutNll(heldout=40))),
}
