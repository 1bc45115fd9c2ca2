"""Arms of regressions with a spectrum, in fewer samples than dimensions and with edited labels."""

from __future__ import annotations

from typing import Any

from recurse.correctors.edit_labels import EditLabels
from recurse.correctors.unlearn import Unlearn
from recurse.families.linear import Linear
from recurse.metrics.excess_risk import ExcessRisk
from recurse.metrics.posterior_kl import PosteriorKl
from recurse.metrics.ridge_risk import RidgeRisk
from recurse.policies import Policy
from recurse.policies.accumulate import Accumulate
from recurse.policies.accumulate_subsample import AccumulateSubsample
from recurse.policies.fresh import Fresh
from recurse.policies.mix import Mix
from recurse.policies.replace import Replace
from recurse.scenario.scenario import Arm, Samples
from recurse.sources.linear_regression import LinearRegression
from recurse.sources.regression import SpectralRegression

SLOPE = SpectralRegression(
    dim=4, noise=0.7, design="fresh", spectrum="power_law", exponent=1.0, decay=0.5
)
GIVEN = SpectralRegression(dim=4, noise=0.7, spectrum=(3.0, 1.0, 0.5, 0.2))
WIDE = SpectralRegression(dim=9, noise=0.5, design="fresh")
STUDENT = (ExcessRisk(), RidgeRisk(samples=20, ridge=0.1))

PRIOR = Linear(prior=2.0)
SMALL = LinearRegression(dim=3, noise=0.7, design="fresh")


def spectral(policy: Policy, **fields: Any) -> Arm:
    """Least squares in four dimensions whose variances follow a power law."""
    given: dict[str, Any] = {
        "source": SLOPE,
        "model": Linear(),
        "samples": Samples(real=24, synthetic=24, fresh=24),
        "backend": "numpy",
        "generations": 20,
        "metrics": (ExcessRisk(),),
    }
    return Arm(policy=policy, **{**given, **fields})


def wide(policy: Policy, **fields: Any) -> Arm:
    """Minimum norm on five samples in nine dimensions."""
    given = {
        "source": WIDE,
        "model": Linear(min_norm=True),
        "samples": Samples(real=5, synthetic=5),
    }
    return spectral(policy, **{**given, **fields})


def unlearnt(policy: Policy, **fields: Any) -> Arm:
    """A posterior in three dimensions; synthetic samples are unlearned after each fit."""
    given = {
        "source": SMALL,
        "model": PRIOR,
        "corrector": Unlearn(),
        "metrics": (ExcessRisk(), PosteriorKl()),
    }
    return spectral(policy, **{**given, **fields})


REGRESSIONS: dict[str, Arm] = {
    "regression replace": spectral(Replace(), metrics=STUDENT),
    "regression accumulate": spectral(Accumulate()),
    "regression fresh": spectral(Fresh()),
    "regression reused": spectral(Mix(), source=GIVEN),
    "regression ridge reused": spectral(Mix(), source=GIVEN, model=Linear(ridge=0.1)),
    "regression edited": spectral(Replace(), source=GIVEN, corrector=EditLabels(share=0.1)),
    "regression edited again": spectral(
        Replace(), source=GIVEN, corrector=EditLabels(share=0.3, edits="overlapping")
    ),
    "regression prior": spectral(Accumulate(), model=PRIOR),
    "regression unlearnt": unlearnt(Mix()),
    "regression unlearnt, subsample": unlearnt(
        AccumulateSubsample(), corrector=Unlearn(flagged=0.5)
    ),
    "regression unlearnt, threshold": unlearnt(
        Accumulate(), corrector=Unlearn(threshold=0.1, flagged=0.5), generations=4
    ),
    "regression unlearnt, independent": unlearnt(
        Mix(), corrector=Unlearn(threshold=0.01, posterior="mean_field"), generations=4
    ),
    "regression wide": wide(Replace()),
    "regression wide, unequal": wide(Replace(), samples=Samples(real=14, synthetic=6)),
}
