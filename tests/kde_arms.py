"""Arms of kernel density estimates that between them reach every path of their lowering."""

from __future__ import annotations

from typing import Any

from recurse.correctors.oracle import Oracle
from recurse.correctors.verifier import Reference, Verifier
from recurse.families.kde import Kde
from recurse.metrics.diversity import Diversity
from recurse.metrics.hallucinated import Hallucinated
from recurse.metrics.second_moment import SecondMoment
from recurse.metrics.tail_kept import TailKept
from recurse.metrics.test_nll import HeldoutNll
from recurse.metrics.total_variation import TotalVariation
from recurse.policies import Policy
from recurse.policies.accumulate import Accumulate
from recurse.policies.accumulate_subsample import AccumulateSubsample
from recurse.policies.fresh import Fresh
from recurse.policies.mix import Mix
from recurse.policies.replace import Replace
from recurse.policies.window import Window
from recurse.scenario.scenario import Arm, Samples
from recurse.sources.gaussian import GaussianSource
from recurse.sources.mixture import Mixture
from recurse.sources.moons import Moons

MODEL = Kde(bandwidth=0.3)
RING = Mixture(components=3, deviation=0.3)
PLANE = GaussianSource(dim=2, mean=(1.0, -1.0))
SEEN = (HeldoutNll(heldout=30), SecondMoment())
TAILS = (TailKept(samples=50, share=0.2), Hallucinated(samples=60))


def kernels(policy: Policy, **fields: Any) -> Arm:
    """A kernel density estimate of moons."""
    given: dict[str, Any] = {
        "source": Moons(),
        "model": MODEL,
        "samples": Samples(real=20, synthetic=20, fresh=10),
        "backend": "numpy",
        "generations": 20,
        "metrics": SEEN,
    }
    return Arm(policy=policy, **{**given, **fields})


KDE: dict[str, Arm] = {
    "kde replace": kernels(Replace()),
    "kde accumulate": kernels(Accumulate()),
    "kde by age": kernels(Accumulate(age="linear")),
    "kde mix": kernels(Mix()),
    "kde fresh": kernels(Fresh()),
    "kde window": kernels(Window(size=3)),
    "kde subsample": kernels(AccumulateSubsample()),
    "kde with replacement": kernels(AccumulateSubsample(replacement=True)),
    "kde scott": kernels(Accumulate(), model=Kde(bandwidth="scott")),
    "kde silverman": kernels(Replace(), model=Kde(bandwidth="silverman")),
    "kde moments only": kernels(Accumulate(), metrics=(SecondMoment(),)),
    "kde distance": kernels(
        Mix(),
        source=PLANE,
        corrector=Oracle(gamma=0.5),
        metrics=(*SEEN, TotalVariation(heldout=30), Diversity(samples=20)),
    ),
    "kde tails": kernels(Replace(), source=RING, metrics=TAILS),
    "kde verifier": kernels(
        Accumulate(), source=PLANE, corrector=Verifier(reference=Reference(tolerance=1.0))
    ),
    "kde verifier subsample": kernels(
        AccumulateSubsample(), source=PLANE, corrector=Verifier(reference=Reference(tolerance=1.0))
    ),
}
