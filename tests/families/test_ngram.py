"""Tables of grams by hand, the chain that they draw, both lowerings, and what is refused."""

from __future__ import annotations

from itertools import product
from typing import Any

import array_api_compat.numpy as xp
import numpy as np
import pytest

from recurse.backend import backends
from recurse.families.categorical import Categorical
from recurse.families.gaussian import Gaussian
from recurse.families.multinomial import Laws
from recurse.families.ngram import Ngram
from recurse.lowering.decision import decide
from recurse.metrics import View
from recurse.metrics.contexts_left import ContextsLeft
from recurse.metrics.entropy import Entropy
from recurse.metrics.heterozygosity import Heterozygosity
from recurse.metrics.l2_error import L2Error
from recurse.metrics.missing_mass import MissingMass
from recurse.metrics.uncollapsed import Uncollapsed
from recurse.metrics.unique import Unique
from recurse.numerics.streams import Streams
from recurse.planning.estimate import estimate
from recurse.policies.replace import Replace
from recurse.samplers.top_k import TopK
from recurse.scenario.scenario import Samples
from recurse.sources.gaussian import GaussianSource
from recurse.sources.markov import Markov
from tests.discrete_arms import WORDS, frequencies
from tests.harness import change, runtime, simulate
from tests.statistics_checks import same_mean, z_test
from tests.test_contract import sample_noise
from tests.text_arms import BLOCKS, GRAMS, PAIRS, SINGLE, TABLES, TRIPLES, TURNS, grams

RNG = np.random.default_rng(11)


def fitted(model: Ngram, blocks: Any, weights: Any = None) -> dict[str, Any]:
    tokens = np.asarray(blocks)[None]
    ones = np.ones((1, len(blocks))) if weights is None else np.asarray(weights)[None]
    return model.estimate(xp, model.statistics(xp, {"tokens": tokens}, ones))


def plain(order: int, size: int, blocks: Any, weights: Any, smoothing: float) -> dict[str, Any]:
    """The same with dictionaries."""
    contexts = list(product(range(size), repeat=order - 1))
    counts: Any = {c: np.zeros(size) for k in range(order) for c in product(range(size), repeat=k)}
    start = {c: smoothing for c in contexts}
    for block, weight in zip(blocks, weights, strict=True):
        start[tuple(block[: order - 1])] += weight
        for t in range(order - 1, len(block)):
            for k in range(order):
                counts[tuple(block[t - k : t])][block[t]] += weight
    rows = []
    for context in contexts:
        if smoothing:
            rows.append(counts[context] + smoothing)
            continue
        while not counts[context].any():
            context = context[1:]
        rows.append(counts[context])
    seen = np.array([counts[c].sum() for c in contexts])
    first = np.array(list(start.values()))
    return {
        "p": np.array([row / row.sum() for row in rows])[None],
        "start": (first / first.sum())[None],
        "contexts": (seen / seen.sum())[None],
    }


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("smoothing", [0.0, 0.5])
def test_a_fit_counts_grams(order: int, smoothing: float) -> None:
    """Against dictionaries, with contexts that are absent and weights that are zero."""
    blocks, weights = RNG.integers(0, 3, (5, 6)), [1.0, 2.0, 0.0, 0.5, 1.0]
    found = fitted(Ngram(order=order, smoothing=smoothing, symbols=4), blocks, weights)
    expected = plain(order, 4, blocks, weights, smoothing)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, err_msg=name)


def test_an_unseen_context_falls_back() -> None:
    """Two tokens ago is forgotten first; then the token before."""
    found = fitted(Ngram(order=3, symbols=3), [[0, 1, 2], [1, 1, 0]])["p"][0]
    assert found[0 * 3 + 1].tolist() == [0, 0, 1] and found[1 * 3 + 1].tolist() == [1, 0, 0]
    assert found[2 * 3 + 1].tolist() == [0.5, 0, 0.5]  # after 1
    assert found[2 * 3 + 2].tolist() == [0.5, 0, 0.5]  # any place


@pytest.mark.parametrize("backend", backends())
def test_blocks_follow_the_law(backend: str) -> None:
    """The joint law of whole blocks is start times transitions; a lost gram never comes."""
    model, source = Ngram(order=3, symbols=3), Markov(symbols=3, order=3, length=4)
    streams, n = Streams(range(40)), 500
    truth = {name: values.copy() for name, values in source.truth(streams).items()}
    truth["p"][:, :, 1] = 0.0
    truth["p"] /= truth["p"].sum(axis=2, keepdims=True)
    put = {name: runtime(backend).array(values) for name, values in truth.items()}
    u = streams.draws(1, "synthetic", model.noise(source, n))
    noise = {"u": runtime(backend).array(np.array(u["u"]))}
    drawn = model.sample(runtime(backend).xp, source, put, noise, {})["tokens"]
    tokens = runtime(backend).host(drawn)
    code = tokens @ (3 ** np.arange(3, -1, -1))
    shares = np.stack([np.bincount(row, minlength=81) / n for row in code])
    p, start = truth["p"][0], truth["start"][0]
    expected = np.array(
        [
            start[a * 3 + b] * p[a * 3 + b, c] * p[b * 3 + c, d]
            for a, b, c, d in product(range(3), repeat=4)
        ]
    )
    assert np.all(z_test(shares, expected) < 0.02)
    assert not np.any(tokens[:, :, 2:] == 1)


def test_blocks_of_the_source_follow_its_law() -> None:
    tokens = BLOCKS.draw(Streams(range(300)), 0, "real", 50)["tokens"]
    pairs = (tokens[:, :, :-1] * 4 + tokens[:, :, 1:]).reshape(300, -1)
    shares = np.stack([np.bincount(row, minlength=16) / pairs.shape[1] for row in pairs])
    expected = (BLOCKS.beginning[:, None] * BLOCKS.table).ravel()
    assert np.all(z_test(shares, expected) < 0.015)
    np.testing.assert_allclose(BLOCKS.beginning @ BLOCKS.table, BLOCKS.beginning, atol=1e-14)
    turns = TURNS.draw(Streams((0, 1)), 0, "real", 6)["tokens"]
    assert turns[:, :, 0].tolist() == [[0, 1, 2, 3, 0, 1]] * 2
    assert TURNS.usual.tolist() == [0.25] * 4


def test_multinomials_never_revive() -> None:
    p = np.array([[0.2, 0.8, 0.0], [0.0, 0.5, 0.5], [0.0, 1.0, 0.0]])
    n = np.array([7, 0, 10**9])
    laws = Laws.of(p[None, ...])
    for generator in (np.random.default_rng(seed) for seed in range(20)):
        counts = laws.counts(generator, 0, n)
        assert counts.sum(axis=1).tolist() == n.tolist() and np.all(counts[p == 0] == 0)
    for seed in range(50):
        law = RNG.dirichlet(np.full(6, 0.3), 1) * (RNG.random((1, 6)) < 0.7)
        law = (law + 1e-3 * (law.sum() == 0)) / (law + 1e-3 * (law.sum() == 0)).sum()
        ours, theirs = (np.random.default_rng(seed) for _ in range(2))
        beside = Laws.of(np.stack([law, law[:, ::-1]]))
        counts = beside.counts(ours, 0, 40)
        assert np.array_equal(counts, Laws.of(law).counts(theirs, 0, np.array([40])))
    drawn = np.array(
        [laws.counts(np.random.default_rng(s), 0, np.array([9] * 3)) for s in range(9000)]
    )
    assert np.all(z_test(drawn, 9 * p) < 0.13)


@pytest.mark.parametrize("arm", ["pairs", "turns", "triples"])
def test_both_lowerings_have_one_law(arm: str) -> None:
    source, order = {"pairs": (PAIRS, 2), "turns": (TURNS, 2), "triples": (TRIPLES, 3)}[arm]
    short = grams(
        Replace(),
        source=source,
        model=Ngram(order=order),
        samples=Samples(real=10, synthetic=10),
        generations=3,
        metrics=GRAMS,
    )
    assert decide(short).lowering == "statistics"
    exact, drawn = (simulate(short, range(a, a + 3000), e) for a, e in ((0, True), (3000, False)))
    for metric in exact.metrics - {"contexts_left"}:
        ours, theirs = exact[metric].T, drawn[metric].T
        assert np.all(same_mean(ours, theirs) < 0.3 * (np.abs(theirs.mean(axis=0)) + 0.05)), metric


def test_one_token_alone_is_a_categorical_draw() -> None:
    """The same numbers at first: the same streams and the same law. Then the last bits differ."""
    unigram = grams(Replace(), source=SINGLE, model=Ngram(order=1))
    ours = simulate(unigram, 50)
    theirs = simulate(frequencies(Replace(), source=WORDS, metrics=TABLES), 50)
    for metric in TABLES:
        same = np.isclose(ours[metric.kind], theirs[metric.kind], rtol=1e-13)
        assert same[0].all() and same[1].mean() > 0.8


def test_a_rounded_half_draws_as_a_half() -> None:
    """Whichever way the backend divided: numbers agree on all of them, seed by seed."""
    for form in ("even", "stationary"):
        source = Markov(symbols=4, form="dirichlet", start=form)
        arm = grams(Replace(), source=source, samples=Samples(real=40, synthetic=40))
        first, *others = [simulate(change(arm, backend=name), 200) for name in backends()]
        for other in others:
            np.testing.assert_allclose(other["l2_error"], first["l2_error"], rtol=1e-9, atol=1e-13)


def test_density_of_a_block() -> None:
    """Per token; nothing that the data lack is possible."""
    model = Ngram(symbols=3)
    params = fitted(model, [[0, 1, 2, 1], [1, 2, 2, 1]])
    data = {"tokens": np.array([[0, 1, 2, 2], [1, 2, 1, 2]])}
    found = model.evaluate(xp, BLOCKS, params, data)
    p = params["p"][0]
    expected = np.log(0.5 * p[0, 1] * p[1, 2] * p[2, 2]) + np.log(0.5 * p[1, 2] ** 2 * p[2, 1])
    np.testing.assert_allclose(found, [expected / 8])
    lost = {"tokens": np.array([[0, 1, 2, 2], [1, 0, 1, 2]])}
    assert model.evaluate(xp, BLOCKS, params, lost).tolist() == [-np.inf]
    each = {"tokens": np.stack([data["tokens"]])}
    np.testing.assert_allclose(model.evaluate(xp, BLOCKS, params, each), found)


def test_metrics_by_hand() -> None:
    """A context that was not seen counts for nothing, whatever law it falls back on."""
    p = np.array([[[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.2, 0.3, 0.5]]])
    params = {"p": p, "start": np.array([[1.0, 0, 0]]), "contexts": np.array([[0.75, 0.25, 0.0]])}
    q = np.array([[[0.5, 0.25, 0.25], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]])
    truth = {"p": q, "start": np.ones((1, 3)) / 3, "contexts": np.array([[0.5, 0.3, 0.2]])}
    view = View(params, truth, {}, {}, {})
    expected: dict[Any, float] = {
        Heterozygosity(): 0.75 * 0.5,
        Entropy(): 0.75 * np.log(2),
        Unique(): 3,
        Uncollapsed(): 0.75,
        ContextsLeft(): 2,
        MissingMass(): 0.5 * 0.25 + 0.3 * 0.5 + 0.2,
        L2Error(): 0.5 * 0.125 + 0.3 * 0.5 + 0.2 * (0.04 + 0.09 + 0.25),
    }
    assert {m.kind for m in expected} == {m.kind for m in GRAMS}
    for metric, value in expected.items():
        np.testing.assert_allclose(metric.measure(xp, view), [value], err_msg=metric.kind)
        assert metric.refusal(PAIRS, Ngram()) is None


def test_samplers_act_after_each_context() -> None:
    p = np.array([[[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]]])
    found = TopK(k=2).adapt(xp, {"p": p, "start": np.ones((1, 2)) / 2})
    np.testing.assert_allclose(found["p"], [[[0.625, 0.375, 0], [0, 2 / 9, 7 / 9]]])
    assert found["start"].tolist() == [[0.5, 0.5]]


def test_what_is_refused() -> None:
    assert Ngram().refusal(PAIRS) is None and Ngram(order=3).refusal(BLOCKS) is None
    assert "blocks of tokens" in str(Ngram().refusal(WORDS))
    assert "blocks of tokens" in str(Ngram().refusal(GaussianSource()))
    assert "symbols" in str(Categorical().refusal(PAIRS))
    assert "no gram of 3" in str(Ngram(order=3).refusal(PAIRS))
    assert "has 4 tokens, the source 3" in str(Ngram(symbols=4).refusal(TRIPLES))
    wide = Markov(symbols=200, length=4)
    assert "8e+06" in str(Ngram(order=3).refusal(wide)) and Ngram().refusal(wide) is None
    assert "overlap" in decide(grams(Replace(), source=BLOCKS)).because
    other = grams(Replace(), source=Markov(symbols=3, order=3, length=3), model=Ngram(order=3))
    assert decide(other).lowering == "statistics"
    assert decide(change(other, model=Ngram(order=2))).lowering == "samples"
    assert "order 2" in str(L2Error().refusal(TRIPLES, Ngram()))
    for metric in GRAMS:
        assert metric.refusal(GaussianSource(), Gaussian()) is not None
    assert ContextsLeft().refusal(WORDS, Categorical()) is not None


def test_a_run_too_thin_for_its_contexts_goes_on() -> None:
    """Five blocks for sixteen contexts: what was not seen has a rule, and no number is lost."""
    for start in ("even", "stationary"):
        source = Markov(symbols=4, order=3, length=6, start=start)
        few = Samples(real=5, synthetic=5)
        arm = grams(Replace(), source=source, model=Ngram(order=3), samples=few, metrics=GRAMS)
        found = simulate(arm, 20)
        assert found.whole.all() and np.all(found["contexts_left"] < 16)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_block_may_be_one_gram(order: int) -> None:
    model, source = Ngram(order=order, symbols=3), Markov(symbols=3, order=order, length=order)
    streams = Streams((0,))
    noise = sample_noise(model, source, streams, 4)
    drawn = model.sample(xp, source, source.truth(streams), noise, {})
    assert drawn["tokens"].shape == (1, 4, order)


def test_the_estimate_counts_tokens_and_the_table() -> None:
    def seconds(symbols: int, length: int, blocks: int) -> float:
        counts = Samples(real=blocks, synthetic=blocks)
        source = Markov(symbols=symbols, length=length)
        return estimate(grams(Replace(), source=source, samples=counts), exact=False).seconds

    assert 3.5 < seconds(400, 64, 10) / seconds(200, 64, 10) < 4.5
    assert 9 < seconds(4, 8, 50_000) / seconds(4, 8, 5_000) < 13
