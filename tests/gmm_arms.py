"""Arms of Gaussian mixtures."""

from __future__ import annotations

from typing import Any

from recurse.correctors.curation import Curation
from recurse.families.gmm import Gmm
from recurse.families.symmetric_gmm import SymmetricGmm
from recurse.judges.rewards import Nearness
from recurse.metrics.degenerate import Degenerate
from recurse.metrics.deviation_above import DeviationAbove
from recurse.metrics.mode_coverage import ModeCoverage
from recurse.metrics.mode_kl import ModeKl
from recurse.metrics.point_reward import PointReward
from recurse.metrics.second_moment import SecondMoment
from recurse.metrics.test_nll import HeldoutNll
from recurse.policies import Policy
from recurse.policies.accumulate import Accumulate
from recurse.policies.accumulate_subsample import AccumulateSubsample
from recurse.policies.mix import Mix
from recurse.policies.replace import Replace
from recurse.scenario.scenario import Arm, Samples
from recurse.sources.mixture import Mixture

PAIR = Mixture(form="given", means=((-2.0, 0.0), (2.0, 1.0)), deviation=0.7, weights=(1.0, 2.0))
MODEL = Gmm(components=2, restarts=2)


def clusters(policy: Policy, **fields: Any) -> Arm:
    """Two components in the plane."""
    given: dict[str, Any] = {
        "source": PAIR,
        "model": MODEL,
        "samples": Samples(real=40, synthetic=40),
        "backend": "numpy",
        "generations": 6,
        "metrics": (SecondMoment(), HeldoutNll(heldout=30), ModeCoverage(samples=50)),
    }
    return Arm(policy=policy, **{**given, **fields})


NEAR = Nearness(target=(2.0, 1.0), radius=0.5)
REWARDED = (PointReward(nearness=NEAR, samples=60), ModeKl(samples=60))
OPPOSITE = Mixture(form="given", means=((-2.0,), (2.0,)), deviation=0.8)


def opposite(policy: Policy, **fields: Any) -> Arm:
    """Two opposite components on the line, far enough apart for a stable answer."""
    given: dict[str, Any] = {
        "source": OPPOSITE,
        "model": SymmetricGmm(),
        "samples": Samples(real=20, synthetic=20),
        "backend": "numpy",
        "generations": 6,
        "metrics": (DeviationAbove(threshold=0.7), SecondMoment(), HeldoutNll(heldout=30)),
    }
    return Arm(policy=policy, **{**given, **fields})


GMM: dict[str, Arm] = {
    "gmm replace": clusters(Replace()),
    "gmm accumulate": clusters(Accumulate(), model=Gmm(components=3, covariance="diag")),
    "gmm mix": clusters(Mix(), model=Gmm(components=2, covariance="tied")),
    "opposite replace": opposite(Replace(), model=SymmetricGmm(estimator="approximate")),
    "opposite mix": opposite(Mix()),
    "gmm curation": clusters(Mix(), corrector=Curation(k=3, nearness=NEAR), metrics=REWARDED),
    "gmm subsample": clusters(AccumulateSubsample(), metrics=(SecondMoment(), Degenerate())),
}
