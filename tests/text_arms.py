"""Arms of n-gram models, on chains with known laws and on a text."""

from __future__ import annotations

from typing import Any

from recurse.correctors.detector import Detector
from recurse.correctors.oracle import Oracle
from recurse.families.categorical import Categorical
from recurse.families.ngram import Ngram
from recurse.metrics.contexts_left import ContextsLeft
from recurse.metrics.entropy import Entropy
from recurse.metrics.heterozygosity import Heterozygosity
from recurse.metrics.l2_error import L2Error
from recurse.metrics.missing_mass import MissingMass
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
from recurse.sources.markov import Markov
from recurse.sources.tokens import Tokens
from recurse.sources.words import Words

TABLES = (Heterozygosity(), L2Error(), Entropy())
TAILS = (*TABLES, Unique(), MissingMass(), Uncollapsed())
GRAMS = (*TAILS, ContextsLeft())
FEW = Samples(real=8, synthetic=8)
NLL = (*TABLES, HeldoutNll(heldout=40))
PAIRS = Markov(symbols=4, form="dirichlet")
TURNS = Markov(symbols=4, form="dirichlet", start="even")
TRIPLES = Markov(symbols=3, order=3, length=3, exponent=1.5)
BLOCKS = Markov(symbols=4, length=7)
SINGLE = Markov(order=1, length=1, form="given", probabilities=((0.4, 0.05, 0.3, 0.05, 0.2),))
LETTERS = Tokens(level="characters", vocabulary=12, first=3000, length=20)


def grams(policy: Policy, **fields: Any) -> Arm:
    """Bigrams of four tokens, each block one of them."""
    given: dict[str, Any] = {
        "source": PAIRS,
        "model": Ngram(),
        "samples": Samples(real=24, synthetic=24, fresh=12),
        "backend": "numpy",
        "generations": 20,
        "metrics": TABLES,
    }
    return Arm(policy=policy, **{**given, **fields})


NGRAM: dict[str, Arm] = {
    "ngram replace": grams(Replace(), samples=FEW, metrics=GRAMS),
    "ngram accumulate": grams(Accumulate()),
    "ngram by age": grams(Accumulate(age="linear"), source=TURNS),
    "ngram turns": grams(Mix(), source=TURNS, samples=FEW, metrics=TAILS),
    "ngram triples": grams(Window(size=2), source=TRIPLES, model=Ngram(order=3), metrics=GRAMS),
    "ngram single": grams(Replace(), source=SINGLE, model=Ngram(order=1)),
    "ngram blocks": grams(Replace(), source=BLOCKS, metrics=GRAMS),
    "ngram blocks of triples": grams(
        Mix(),
        source=Markov(symbols=3, order=3, length=5, start="even"),
        model=Ngram(order=3),
        metrics=GRAMS,
    ),
    "ngram smoothed": grams(Fresh(), source=BLOCKS, model=Ngram(smoothing=0.5), metrics=NLL),
    "ngram of triples as pairs": grams(
        Replace(), source=Markov(symbols=3, order=3, length=6), metrics=(Entropy(),)
    ),
    "ngram temperature": grams(Mix(), sampler=Temperature(value=0.5)),
    "ngram top_k": grams(Fresh(), source=BLOCKS, sampler=TopK(k=2)),
    "ngram oracle": grams(Replace(), source=TURNS, corrector=Oracle(gamma=0.5)),
    "ngram detector": grams(AccumulateSubsample(), source=BLOCKS, corrector=Detector(auc=0.8)),
    "ngram part kept": grams(Mix(keep=0.5), source=BLOCKS),
    "ngram letters": grams(
        Mix(),
        source=LETTERS,
        model=Ngram(smoothing=0.1),
        generations=6,
        metrics=(Entropy(), Unique(), HeldoutNll()),
    ),
    "categorical words": grams(
        Replace(), source=Words(vocabulary=20), model=Categorical(), metrics=TABLES
    ),
}
