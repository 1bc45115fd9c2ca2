"""Refitted n-grams against closed forms, in the real loop and in both lowerings.

Level 1e-6 per test over all generations; each asserts the shift that it would have found with 99 %
power, relative to the curve.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurse.correctors.oracle import Oracle
from recurse.families.categorical import Categorical
from recurse.families.ngram import Ngram
from recurse.lowering.decision import decide
from recurse.metrics.heterozygosity import Heterozygosity
from recurse.metrics.l2_error import L2Error
from recurse.metrics.missing_mass import MissingMass
from recurse.metrics.test_nll import HeldoutNll
from recurse.metrics.uncollapsed import Uncollapsed
from recurse.metrics.unique import Unique
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
from recurse.sources.words import Words
from recurse.theory.law import curves
from recurse.theory.source_entropy import entropy_of
from recurse.theory.suresh import survival_steps
from tests.discrete_arms import WORDS, frequencies
from tests.families.test_discrete_laws import below, sample
from tests.harness import Array, change
from tests.statistics_checks import z_test
from tests.text_arms import BLOCKS, LETTERS, SINGLE, TABLES, TURNS, grams

ROWS = ((0.7, 0.2, 0.1), (0.05, 0.05, 0.9), (0.5, 0.3, 0.2))
GIVEN = Markov(form="given", probabilities=ROWS, start="even")
"""Three contexts, nine draws each of 27 blocks."""
SMALL = Samples(real=27, synthetic=27, fresh=12)
SHORT: dict[str, Any] = {
    "source": GIVEN,
    "samples": SMALL,
    "generations": 6,
    "metrics": (Heterozygosity(), L2Error()),
}
ARMS: dict[str, Arm] = {
    "replace": grams(Replace(), **SHORT),
    "accumulate": grams(Accumulate(), **SHORT),
    "window": grams(Window(size=2), **SHORT),
    "mix": grams(Mix(), **SHORT),
    "fresh": grams(Fresh(), **SHORT),
    "oracle": grams(Replace(), corrector=Oracle(gamma=0.5), **SHORT),
    "one context": grams(
        Mix(), **{**SHORT, "source": SINGLE, "model": Ngram(order=1), "samples": SMALL}
    ),
}
CASES = [
    (name, exact)
    for name, arm in ARMS.items()
    for exact in ((True, False) if decide(arm).lowering == "statistics" else (False,))
]


@pytest.mark.parametrize(("name", "exact"), CASES)
def test_moments(name: str, exact: bool) -> None:
    arm = ARMS[name]
    found = sample(arm, 4000, exact)
    expected = {c.metric: c.values for c in curves(arm)[0] if c.name == "expectation"}
    assert expected.keys() == {"heterozygosity", "l2_error"}
    for metric, curve in expected.items():
        assert np.all(z_test(found[metric], curve) < 0.25 * curve)


UNEVEN = Samples(real=6, synthetic=8)
STEPS = np.arange(1, 8)
H = np.mean([1 - 0.49 - 0.04 - 0.01, 1 - 0.0025 - 0.0025 - 0.81, 1 - 0.25 - 0.09 - 0.04])
BY_HAND: dict[str, tuple[str, Any]] = {
    "replace": ("heterozygosity", H * (8 / 9) ** STEPS),
    "accumulate": ("l2_error", H * (1 - np.cumprod(1 - 1 / (9 * STEPS**2)))),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_moments_worked_out_by_hand(name: str) -> None:
    """Each of three contexts is a categorical law with a third of the samples."""
    metric, expected = BY_HAND[name]
    found = sample(ARMS[name], 12_000)[metric]
    assert np.all(z_test(found, expected) < 0.06 * expected)


@pytest.mark.parametrize("start", ["even", "stationary"])
def test_bounds_hold_and_bite(start: Any) -> None:
    """Grams survive like words, each of whole blocks or with a third of the samples."""
    source = Markov(form="given", probabilities=ROWS, start=start)
    metrics = (Unique(), MissingMass(), Uncollapsed())
    arm = grams(Replace(), source=source, samples=SMALL, generations=40, metrics=metrics)
    found = sample(arm, 3000)
    drawn = curves(arm)[0]
    for curve in drawn:
        if curve.kind == "bound" and curve.metric in found:
            sign = 1.0 if curve.name == "upper bound" else -1.0
            below(sign * found[curve.metric], sign * curve.values)
    bounds = {(c.metric, c.name): c.values for c in drawn}
    assert bounds["unique", "lower bound"][0] > 5.5
    p = np.asarray(ROWS).ravel() if start == "even" else source.beginning.repeat(3) * np.ravel(ROWS)
    n = 9 if start == "even" else 27
    lower = np.sum(1 - np.exp(-n * p[:, None] * survival_steps(41)), axis=0)
    np.testing.assert_allclose(bounds["unique", "lower bound"], lower)
    early = slice(5)
    assert np.all(np.abs(found["unique"].mean(axis=0) - lower)[early] < 0.13 * lower[early])
    assert (("uncollapsed", "upper bound") in bounds) == (start == "even")


@pytest.mark.parametrize("start", ["even", "stationary"])
def test_what_the_first_fit_misses(start: Any) -> None:
    """``sum q (1 - q)^n`` over grams; and with a sampler, of a large real sample, the second."""
    source = Markov(form="given", probabilities=ROWS, start=start)
    for sampler in (None, Temperature(value=0.7), TopK(k=1)):
        fields: dict[str, Any] = {} if sampler is None else {"sampler": sampler}
        counts = Samples(real=27, synthetic=27)
        arm = grams(Replace(), source=source, samples=counts, metrics=(MissingMass(),), **fields)
        curve = {c.name: c.values for c in curves(arm)[0] if c.metric == "missing_mass"}
        first = curve["first fit"][0]
        assert z_test(sample(change(arm, generations=0), 6000)["missing_mass"][:, 0], first) < 0.01
        large = change(arm, samples=Samples(real=120_000, synthetic=27), generations=1)
        curve = {c.name: c.values for c in curves(large)[0] if c.metric == "missing_mass"}
        later = curve["large real sample: memoriser"][1]
        assert z_test(sample(large, 4000)["missing_mass"][:, 1], later) < 0.01


def test_no_model_beats_the_entropy_of_the_source() -> None:
    for order in (1, 2):
        source = Markov(symbols=4, length=5)
        arm = grams(
            Mix(),
            source=source,
            model=Ngram(order=order, smoothing=0.5),
            samples=Samples(real=4000, synthetic=400),
            generations=1,
            metrics=(HeldoutNll(heldout=2000),),
        )
        [curve] = [c for c in curves(arm)[0] if c.metric == "test_nll"]
        found = sample(arm, 100)["test_nll"]
        below(-found, -curve.values)
        assert (found.mean() - curve.values[0] < 0.01) == (order == 2)
    blocks = 4 * np.log(4) - 0.0
    uniform = Markov(form="given", probabilities=((0.25,) * 4,) * 4, length=4)
    np.testing.assert_allclose(entropy_of(uniform), blocks / 4)
    np.testing.assert_allclose(entropy_of(WORDS), -np.sum(WORDS.p * np.log(WORDS.p)))


def test_words_follow_the_laws_of_symbols() -> None:
    arm = frequencies(
        Replace(),
        source=Words(vocabulary=8, first=2000),
        model=Categorical(),
        samples=Samples(real=20, synthetic=20),
        generations=5,
        metrics=(Heterozygosity(), L2Error(), Unique()),
    )
    assert decide(arm).lowering == "statistics"
    found = sample(arm, 4000)
    for curve in curves(arm)[0]:
        if curve.name == "expectation":
            assert np.all(z_test(found[curve.metric], curve.values) < 0.25 * curve.values)
    lower: Array = next(c.values for c in curves(arm)[0] if c.metric == "unique")
    below(-found["unique"], -lower)


def test_what_laws_refuse() -> None:
    """One reason each: unknown source, other order, overlap, uneven contexts, drawn contexts."""
    cases = {
        "tokens source": grams(Replace(), source=LETTERS),
        "order 3": grams(Replace(), source=Markov(symbols=3, order=3, length=3)),
        "one gram": grams(Replace(), source=BLOCKS),
        "equally often in all": grams(
            Replace(), source=TURNS, samples=Samples(real=6, synthetic=8)
        ),
        "equally often": grams(Accumulate(age="linear"), source=TURNS),
        "each context equally": grams(AccumulateSubsample(), source=TURNS),
        "given in turn": grams(Replace()),
        "smoothed": grams(Replace(), source=TURNS, model=Ngram(smoothing=1.0)),
    }
    for words, arm in cases.items():
        drawn, refused = curves(change(arm, metrics=TABLES))
        reasons = dict(refused)
        assert words in reasons["categorical_moments"], words
        assert not {c.metric for c in drawn} & {"heterozygosity", "l2_error"}
        assert ("suresh" in reasons) == (words != "given in turn")
