"""Arms of kernel regressions: either rule, both kernels, with and without noise in the labels."""

from __future__ import annotations

from typing import Any

from recurse.correctors.oracle import Oracle
from recurse.families.kernel_ridge import KernelRidge
from recurse.metrics.effective_rank import EffectiveRank
from recurse.metrics.excess_risk import ExcessRisk
from recurse.metrics.mean_square import MeanSquare
from recurse.metrics.test_nll import HeldoutNll
from recurse.policies import Policy
from recurse.policies.accumulate import Accumulate
from recurse.policies.accumulate_subsample import AccumulateSubsample
from recurse.policies.fresh import Fresh
from recurse.policies.mix import Mix
from recurse.policies.replace import Replace
from recurse.scenario.scenario import Arm, Samples
from recurse.sources.function import Function

SINE = Function()
WAVES = Function(inputs="uniform", sine=(1.0, -0.5), cosine=(0.3,), constant=0.2, noise=0.3)
SHAPE = (ExcessRisk(), MeanSquare(), EffectiveRank())
DISTILLED = KernelRidge(loss=0.02, length=0.3)


def distilled(policy: Policy, **fields: Any) -> Arm:
    """Eleven points of a noisy sine; ridge regression with the exponential kernel."""
    given: dict[str, Any] = {
        "source": SINE,
        "model": KernelRidge(ridge=0.01, length=0.3),
        "samples": Samples(real=11, synthetic=11, fresh=11),
        "backend": "numpy",
        "generations": 6,
        "metrics": SHAPE,
    }
    return Arm(policy=policy, **{**given, **fields})


NOISY = KernelRidge(ridge=0.02, length=0.2, kernel="gaussian", labels="noisy")
KERNELS: dict[str, Arm] = {
    "kernel replace": distilled(Replace(), metrics=(*SHAPE, HeldoutNll(heldout=30))),
    "kernel loss": distilled(Replace(), model=DISTILLED),
    "kernel loss, random inputs": distilled(Replace(), model=DISTILLED, source=WAVES),
    "kernel accumulate": distilled(Accumulate(), model=NOISY),
    "kernel subsample": distilled(AccumulateSubsample(), model=NOISY, source=WAVES),
    "kernel fresh": distilled(Fresh(), model=NOISY),
    "kernel two copies": distilled(Mix(), samples=Samples(real=11, synthetic=22)),
    "kernel oracle": distilled(Replace(), corrector=Oracle(gamma=0.5)),
}
