"""Arms of the closed-form families, short to write."""

from __future__ import annotations

from recurse.correctors import Corrector
from recurse.correctors.none import NoCorrector
from recurse.families.gaussian import Gaussian
from recurse.families.linear import Linear
from recurse.metrics.excess_risk import ExcessRisk
from recurse.metrics.mean_error import MeanError
from recurse.policies import Policy
from recurse.scenario.scenario import Arm, Samples
from recurse.sources import Source
from recurse.sources.gaussian import GaussianSource
from recurse.sources.linear_regression import LinearRegression

NONE = NoCorrector()


def gaussian_arm(
    policy: Policy,
    n: int = 10,
    generations: int = 20,
    *,
    model: Gaussian | None = None,
    source: Source | None = None,
    corrector: Corrector = NONE,
    samples: Samples | None = None,
) -> Arm:
    """A Gaussian refitted to a standard normal in one dimension."""
    return Arm(
        source=source or GaussianSource(),
        model=model or Gaussian(),
        policy=policy,
        corrector=corrector,
        samples=samples or Samples(real=n, synthetic=n),
        backend="numpy",
        generations=generations,
        metrics=(MeanError(),),
    )


def linear_arm(
    policy: Policy,
    n: int = 50,
    generations: int = 20,
    *,
    model: Linear | None = None,
    source: Source | None = None,
    corrector: Corrector = NONE,
    samples: Samples | None = None,
) -> Arm:
    """Least squares in ten dimensions with a reused design."""
    return Arm(
        source=source or LinearRegression(dim=10),
        model=model or Linear(),
        policy=policy,
        corrector=corrector,
        samples=samples or Samples(real=n, synthetic=n),
        backend="numpy",
        generations=generations,
        metrics=(ExcessRisk(),),
    )
