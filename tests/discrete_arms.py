"""Arms of the families of symbols, for every path of the lowering."""

from __future__ import annotations

from typing import Any

from recurse.correctors.curation import Curation
from recurse.correctors.detector import Detector
from recurse.correctors.oracle import Oracle
from recurse.correctors.verifier import Verifier
from recurse.correctors.watermark import Watermark
from recurse.families.categorical import Categorical
from recurse.families.memoriser import Memoriser
from recurse.metrics.entropy import Entropy
from recurse.metrics.hallucinated import Hallucinated
from recurse.metrics.heterozygosity import Heterozygosity
from recurse.metrics.l2_error import L2Error
from recurse.metrics.missing_mass import MissingMass
from recurse.metrics.reward import Reward
from recurse.metrics.tail_kept import TailKept
from recurse.metrics.test_nll import HeldoutNll
from recurse.metrics.uncollapsed import Uncollapsed
from recurse.metrics.unique import Unique
from recurse.policies import Policy
from recurse.policies.accumulate import Accumulate
from recurse.policies.accumulate_subsample import AccumulateSubsample
from recurse.policies.fresh import Fresh
from recurse.policies.mix import Mix
from recurse.policies.replace import Replace
from recurse.policies.window import Window
from recurse.samplers.temperature import Temperature
from recurse.samplers.top_k import TopK
from recurse.scenario.scenario import Arm, Samples
from recurse.sources.categorical import CategoricalSource

FREQUENCIES = (Heterozygosity(), L2Error(), Entropy())
REWARDS = (0.0, 1.5, -0.5, 2.0, 0.3)
COUNTED = (*FREQUENCIES, Unique(), MissingMass(), Uncollapsed(), Reward(values=REWARDS))
KNOWN = (Unique(), MissingMass(), Uncollapsed())
NLL = (*FREQUENCIES, HeldoutNll(heldout=40))
WORDS = CategoricalSource(form="given", probabilities=(0.4, 0.05, 0.3, 0.05, 0.2))


def frequencies(policy: Policy, **fields: Any) -> Arm:
    """Counts of five symbols, two of them rare."""
    given: dict[str, Any] = {
        "source": WORDS,
        "model": Categorical(symbols=5),
        "samples": Samples(real=24, synthetic=24, fresh=12),
        "backend": "numpy",
        "generations": 20,
        "metrics": FREQUENCIES,
    }
    return Arm(policy=policy, **{**given, **fields})


DISCRETE: dict[str, Arm] = {
    "categorical replace": frequencies(Replace(), model=Categorical()),
    "categorical accumulate": frequencies(Accumulate()),
    "categorical by_age": frequencies(Accumulate(age="linear")),
    "categorical with_replacement": frequencies(AccumulateSubsample(replacement=True)),
    "categorical all metrics": frequencies(
        Replace(), samples=Samples(real=6, synthetic=6), metrics=COUNTED
    ),
    "categorical tails": frequencies(
        Fresh(),
        model=Categorical(smoothing=0.5),
        metrics=(TailKept(share=0.1), Hallucinated(share=0.1)),
    ),
    "categorical smoothed": frequencies(Fresh(), model=Categorical(smoothing=0.5), metrics=NLL),
    "memoriser replace": frequencies(Replace(), model=Memoriser(), metrics=KNOWN),
    "memoriser fresh top_k": frequencies(Fresh(), model=Memoriser(), sampler=TopK(k=3)),
    "memoriser oracle": frequencies(Mix(), model=Memoriser(), corrector=Oracle(gamma=0.5)),
    "categorical temperature": frequencies(Mix(), sampler=Temperature(value=0.5)),
    "categorical top_k": frequencies(Fresh(), sampler=TopK(k=2)),
    "categorical oracle": frequencies(Window(size=2), corrector=Oracle(gamma=0.5)),
    "categorical verifier": frequencies(Mix(), corrector=Verifier(accepts=(0, 2), psi=0.3)),
    "categorical curation": frequencies(Mix(), corrector=Curation(k=3, values=REWARDS)),
    "categorical detector": frequencies(AccumulateSubsample(), corrector=Detector(auc=0.8)),
    "categorical watermark": frequencies(Accumulate(), corrector=Watermark(tpr=0.5, fpr=0.1)),
}
