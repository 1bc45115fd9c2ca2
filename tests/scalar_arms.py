"""Arms of the families with one parameter, short to write."""

from __future__ import annotations

from typing import Any

from recurse.correctors.oracle import Oracle
from recurse.families.bernoulli import Bernoulli
from recurse.families.beta import Beta
from recurse.families.exponential import Exponential
from recurse.families.laplace import Laplace
from recurse.families.location import Location
from recurse.families.one_parameter import OneParameter
from recurse.families.poisson import Poisson
from recurse.metrics.alive import Alive
from recurse.metrics.parameter_error import ParameterError
from recurse.metrics.test_nll import HeldoutNll
from recurse.policies import Policy
from recurse.policies.accumulate import Accumulate
from recurse.policies.accumulate_subsample import AccumulateSubsample
from recurse.policies.fresh import Fresh
from recurse.policies.replace import Replace
from recurse.policies.window import Window
from recurse.scenario.scenario import Arm, Samples
from recurse.sources.bernoulli import BernoulliSource
from recurse.sources.beta import BetaSource
from recurse.sources.exponential import ExponentialSource
from recurse.sources.location import LocationSource
from recurse.sources.poisson import PoissonSource
from recurse.sources.scalar import Scalar

MODELS: dict[str, OneParameter] = {
    "poisson": Poisson(),
    "bernoulli": Bernoulli(),
    "exponential": Exponential(),
    "beta": Beta(),
    "location": Location(),
}
LAWS: dict[str, Scalar] = {
    "poisson": PoissonSource(rate=2.5),
    "bernoulli": BernoulliSource(p=0.3),
    "exponential": ExponentialSource(mean=1.7),
    "beta": BetaSource(alpha=0.8),
    "location": LocationSource(center=-1.0, scale=2.0),
}
MEDIAN = Location(estimator="median")
WIDE = Laplace(width=1.5)


def scalar(kind: str, policy: Policy, **fields: Any) -> Arm:
    """Numbers with the law ``kind``."""
    given: dict[str, Any] = {
        "source": LAWS[kind],
        "model": MODELS[kind],
        "samples": Samples(real=24, synthetic=24, fresh=12),
        "backend": "numpy",
        "generations": 20,
        "metrics": (ParameterError(),),
    }
    return Arm(policy=policy, **{**given, **fields})


LIKELY = (ParameterError(), HeldoutNll(heldout=40))
FEW = {"source": PoissonSource(rate=0.5), "samples": Samples(real=4, synthetic=4)}
SCALARS: dict[str, Arm] = {
    "poisson replace": scalar("poisson", Replace()),
    "poisson accumulate": scalar("poisson", Accumulate(), metrics=LIKELY),
    "poisson dying": scalar("poisson", Replace(), metrics=(Alive(),), **FEW),
    "bernoulli accumulate": scalar("bernoulli", Accumulate()),
    "bernoulli subsample": scalar("bernoulli", AccumulateSubsample()),
    "exponential replace": scalar("exponential", Replace(), metrics=LIKELY),
    "exponential window": scalar("exponential", Window(size=2), corrector=Oracle(gamma=0.5)),
    "beta accumulate": scalar("beta", Accumulate(), metrics=LIKELY),
    "beta subsample": scalar("beta", AccumulateSubsample()),
    "location fresh": scalar("location", Fresh(), metrics=LIKELY),
    "median replace": scalar("location", Replace(), model=MEDIAN),
    "median accumulate": scalar("location", Accumulate(), model=MEDIAN),
    "laplace fresh": scalar("location", Fresh(), model=WIDE, metrics=LIKELY),
    "laplace accumulate": scalar("location", Accumulate(), model=WIDE),
    "median subsample": scalar("location", AccumulateSubsample(), model=MEDIAN),
}
"""Those that between them reach every path of the lowering."""
