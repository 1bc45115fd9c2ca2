"""The rarity of real data at a point, the mass of a model there, and the verdicts on it."""

from __future__ import annotations

from typing import Any

import array_api_strict as strict
import numpy as np
import pytest
from scipy.stats import norm

from recurse.backend import backends
from recurse.families.categorical import Categorical
from recurse.families.gaussian import Gaussian
from recurse.families.gmm import Gmm
from recurse.families.kde import Kde
from recurse.metrics import Metric, View
from recurse.metrics.hallucinated import Hallucinated
from recurse.metrics.tail_kept import TailKept
from recurse.numerics.streams import Streams
from recurse.policies.accumulate import Accumulate
from recurse.policies.replace import Replace
from recurse.scenario.scenario import Arm, Samples
from recurse.sources import Source
from recurse.sources.categorical import CategoricalSource
from recurse.sources.gaussian import GaussianSource
from recurse.sources.mixture import Mixture
from recurse.sources.swiss_roll import SwissRoll
from recurse.sources.uniform import UniformSource
from recurse.verdicts import Verdict, judge
from recurse.verdicts.trace import Trace
from tests.closed_arms import SKEW
from tests.harness import change, operations, simulate
from tests.statistics_checks import z_test

LINE = GaussianSource(dim=1)
SEEN = {0.001: 0.0007, 0.05: 0.005, 0.5: 0.011}
LAWS: dict[str, Source] = {
    "gaussian": SKEW,
    "one dimension": LINE,
    "ring": Mixture(),
    "uneven": Mixture(form="given", means=((0.0,), (3.0,)), weights=(0.9, 0.1), deviation=0.5),
}


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("share", SEEN)
def test_rarity_of_real_data_is_uniform(name: str, share: float) -> None:
    """Two-sided at level 1e-6, the draws behind the rarity of a mixture included.

    Wrong by 0.0007, 0.005 or 0.011 (of 0.001, 0.05 or 0.5) would have been seen.
    """
    law = LAWS[name]
    x = law.draw(Streams((1, 2, 3, 4, 5, 6, 7, 8)), 1, "law", 125_000)["x"]
    below = np.asarray(law.rarity(x)) <= share
    error = np.sqrt(share * (1 - share) * (1 / below.size + 1 / (1 << 18)))
    assert abs(below.mean() - share) < 4.9 * error and 9.7 * error < SEEN[share]


def test_rarity_of_normal_data() -> None:
    """In one dimension it is the two-sided p-value; and the default from draws agrees with it."""
    x = np.linspace(-4.0, 4.0, 41)[:, None]
    np.testing.assert_allclose(LINE.rarity(x), 2 * norm.sf(np.abs(x[:, 0])), rtol=1e-10)
    drawn = Source.rarity(LINE, x)
    assert drawn is not None and np.max(np.abs(drawn - LINE.rarity(x))) < 0.006


def test_rarity_in_a_box_and_of_symbols() -> None:
    box = UniformSource(dim=2, low=-1.0, high=2.0)
    inside = np.array([[0.0, 0.0], [-1.0, 2.0], [2.1, 0.0]])
    assert box.rarity(inside).tolist() == Source.rarity(box, inside).tolist() == [1.0, 1.0, 0.0]  # type: ignore[union-attr]
    symbols = CategoricalSource(form="given", probabilities=(0.5, 0.0, 0.2, 0.1, 0.2))
    np.testing.assert_allclose(symbols.rarity(np.arange(5)), [1.0, 0.0, 0.5, 0.1, 0.5])


@pytest.mark.parametrize("spread", [0.8, 1.0, 1.5])
def test_mass_of_a_normal_model(spread: float) -> None:
    """``2 Phi(-z / s)`` beyond the real quantile z; 0.004 and 0.002 would have been seen."""
    x = spread * np.random.default_rng(7).normal(size=(400, 2000, 1))
    view = View({}, {}, {"x": x}, {}, {}, LINE.rarity(x))
    for share, least in ((0.05, 0.004), (0.001, 0.002)):
        measured = Hallucinated(share=share, samples=2000).measure(np, view)
        expected = 2 * norm.cdf(norm.ppf(share / 2) / spread)
        assert z_test(measured, expected) < least
    outside = Hallucinated(share=0.05, samples=2000).measure(np, view)
    kept = TailKept(samples=2000).measure(np, view)
    np.testing.assert_allclose(kept, np.minimum(outside / 0.05, 1.0), rtol=1e-12)


def test_mass_of_symbols_is_exact() -> None:
    """Impossible symbols are hallucinations and no tail; in the standard's strict namespace."""
    law = CategoricalSource(form="given", probabilities=(0.55, 0.0, 0.4, 0.0005, 0.0495))
    rarity = law.rarity(np.arange(5))
    p = strict.asarray([[0.2, 0.1, 0.3, 0.15, 0.25], [0.9, 0.0, 0.08, 0.0, 0.02]])
    q = strict.asarray(np.broadcast_to(law.p, (2, 5)))
    view = View({"p": p}, {"p": q}, {}, {}, {}, strict.asarray(np.broadcast_to(rarity, (2, 5))))
    for metric, expected in (
        (Hallucinated(), [0.25, 0.0]),
        (Hallucinated(share=0.0), [0.1, 0.0]),
        (TailKept(share=0.5), [1.0, 0.1 / 0.45]),
        (TailKept(), [1.0, 0.4]),
    ):
        np.testing.assert_allclose(np.asarray(metric.measure(strict, view)), expected, atol=1e-15)


@pytest.mark.parametrize("backend", backends())
def test_symbols_take_no_samples(backend: str) -> None:
    source = CategoricalSource(form="zipf", symbols=20)
    arm = Arm(
        source=source,
        model=Categorical(),
        policy=Replace(),
        samples=Samples(real=50, synthetic=50),
        generations=3,
        backend=backend,
        metrics=(TailKept(share=0.2), Hallucinated()),
    )
    ops: Any = operations(arm, range(4))
    assert ops._meter.samples == 0
    found = simulate(arm, 4, keep=(3,), ops=ops)
    p = found.saved[3].params["p"]
    rare = source.rarity(np.arange(20)) <= 0.2
    left = np.minimum(p[:, rare].sum(axis=1) / source.p[rare].sum(), 1.0)
    np.testing.assert_allclose(found["tail_kept"][3], left, atol=1e-14)
    assert not found["hallucinated"].any()


REFUSED: list[tuple[type[Metric], Any, Any, str]] = [
    (TailKept, UniformSource(), Kde(), "no tail"),
    (TailKept, CategoricalSource(), Categorical(), "no symbols"),
    (TailKept, SwissRoll(), Kde(), "density"),
    (Hallucinated, SwissRoll(), Kde(), "density"),
]


@pytest.mark.parametrize(("metric", "source", "family", "reason"), REFUSED)
def test_what_has_no_tail_is_refused(metric: Any, source: Any, family: Any, reason: str) -> None:
    assert reason in str(metric().refusal(source, family))


def verdicts(arm: Arm, seeds: int = 100) -> dict[int, Verdict]:
    """The definitions' answers about a run, by number."""
    found = simulate(arm, seeds)
    given = np.arange(arm.generations + 1), np.arange(seeds)
    traces = [
        Trace("a", "numpy", m.kind, *given, found[m.kind], m.speaks, m.worse, m.logarithmic)
        for m in arm.metrics
    ]
    return {one.definition: one for one in judge(traces)}


def looped(source: Source, model: Any, **fields: Any) -> Arm:
    given: dict[str, Any] = {
        "policy": Replace(),
        "samples": Samples(real=100, synthetic=100),
        "generations": 30,
        "backend": "numpy",
        "metrics": (TailKept(), Hallucinated()),
    }
    return Arm(source=source, model=model, **{**given, **fields})


def test_definitions_7_and_8_of_the_three_families() -> None:
    """A normal model loses its tails, a kernel one hallucinates and loses none; a mixture is judged
    as well; where data accumulate a normal model does not hallucinate."""
    plane = GaussianSource(dim=2)
    few = Samples(real=20, synthetic=20)
    shrinking = verdicts(looped(plane, Gaussian(estimator="mle"), samples=few))
    assert shrinking[7].answer == "yes"
    spreading = verdicts(looped(plane, Kde(bandwidth=0.5)), 200)
    assert (spreading[7].answer, spreading[8].answer) == ("no", "yes")
    modes = verdicts(looped(Mixture(), Gmm(components=8), generations=8), 40)
    assert modes[7].metric == "tail_kept" and modes[8].metric == "hallucinated"
    steady = verdicts(change(looped(plane, Gaussian()), policy=Accumulate(), generations=8))
    assert steady[8].answer == "no"
