"""Arms of generalised linear models."""

from __future__ import annotations

from typing import Any

from recurse.correctors.detector import Detector
from recurse.families.logistic import Logistic
from recurse.families.poisson_regression import PoissonRegression
from recurse.metrics.coefficient_error import CoefficientError
from recurse.metrics.degenerate import Degenerate
from recurse.metrics.fisher_error import FisherError
from recurse.metrics.test_nll import HeldoutNll
from recurse.policies import Policy
from recurse.policies.accumulate import Accumulate
from recurse.policies.accumulate_subsample import AccumulateSubsample
from recurse.policies.fresh import Fresh
from recurse.policies.mix import Mix
from recurse.policies.replace import Replace
from recurse.policies.weighted_fresh import WeightedFresh
from recurse.policies.window import Window
from recurse.scenario.scenario import Arm, Samples
from recurse.sources.glm import GlmSource
from recurse.sources.logistic_regression import LogisticRegression
from recurse.sources.poisson_regression import PoissonRegression as PoissonRegressionSource

CLASSES = LogisticRegression(dim=2, intercept=True, coefficients=(0.3, -0.8, 0.5))
NEW_CLASSES = LogisticRegression(dim=3, scale=0.5, design="fresh")
NUMBERS = PoissonRegressionSource(dim=2, intercept=True, coefficients=(0.7, 0.4, -0.3))
NEW_NUMBERS = PoissonRegressionSource(dim=2, scale=0.3, design="fresh")
ERRORS = (CoefficientError(), FisherError())


def labelled(source: GlmSource, policy: Policy, **fields: Any) -> Arm:
    """The family whose law the source is."""
    model = Logistic() if source.law == "logistic" else PoissonRegression()
    given: dict[str, Any] = {
        "source": source,
        "model": model,
        "samples": Samples(real=120, synthetic=120, fresh=120),
        "backend": "numpy",
        "generations": 5,
        "metrics": ERRORS,
    }
    return Arm(policy=policy, **{**given, **fields})


EVERY = (*ERRORS, HeldoutNll(heldout=40), Degenerate())
FEW = {"samples": Samples(real=12, synthetic=12), "metrics": EVERY}
GLMS: dict[str, Arm] = {
    "logistic replace": labelled(CLASSES, Replace()),
    "logistic accumulate": labelled(CLASSES, Accumulate(), metrics=EVERY),
    "logistic subsample": labelled(CLASSES, AccumulateSubsample()),
    "logistic weighted": labelled(CLASSES, WeightedFresh(w=0.4)),
    "logistic mix, two copies": labelled(CLASSES, Mix(), samples=Samples(real=90, synthetic=180)),
    "logistic fresh inputs": labelled(NEW_CLASSES, Accumulate(), metrics=EVERY),
    "logistic ridge": labelled(CLASSES, Window(size=2), model=Logistic(ridge=0.05)),
    "logistic separated": labelled(CLASSES, Replace(), model=Logistic(limit=20.0), **FEW),
    "logistic detector": labelled(NEW_CLASSES, Mix(), corrector=Detector(auc=0.7)),
    "poisson regression replace": labelled(NUMBERS, Replace(), metrics=EVERY),
    "poisson regression accumulate": labelled(NUMBERS, Accumulate()),
    "poisson regression fresh": labelled(NEW_NUMBERS, Fresh()),
    "poisson regression subsample": labelled(NEW_NUMBERS, AccumulateSubsample()),
    "poisson regression ridge": labelled(NEW_NUMBERS, Mix(), model=PoissonRegression(ridge=0.1)),
}
