"""Counting, drawing and re-weighing symbols, on every backend; what discrete kinds refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurse.backend import backends
from recurse.families.categorical import Categorical
from recurse.families.gaussian import Gaussian
from recurse.families.multinomial import Laws
from recurse.metrics.entropy import Entropy
from recurse.metrics.heterozygosity import Heterozygosity
from recurse.metrics.l2_error import L2Error
from recurse.metrics.missing_mass import MissingMass
from recurse.metrics.uncollapsed import Uncollapsed
from recurse.metrics.unique import Unique
from recurse.numerics.counting import pick, rank, tally
from recurse.numerics.streams import Streams
from recurse.policies.replace import Replace
from recurse.samplers.temperature import Temperature
from recurse.samplers.top_k import TopK
from recurse.scenario.scenario import Samples
from recurse.sources.categorical import CategoricalSource
from recurse.sources.gaussian import GaussianSource
from tests.discrete_arms import COUNTED, WORDS, frequencies
from tests.harness import runtime, simulate
from tests.statistics_checks import z_test

NORMAL = GaussianSource()
RNG = np.random.default_rng(3)
P = np.array([[0.0, 0.3, 0.2, 0.5, 0.0], [1.0, 0.0, 0.0, 0.0, 0.0]])


def on(backend: str, *arrays: Any) -> list[Any]:
    return [runtime(backend).array(np.array(values)) for values in arrays]


@pytest.mark.parametrize("backend", backends())
@pytest.mark.parametrize("m", [1, 2, 3, 7, 8, 9])
def test_rank_is_searchsorted(backend: str, m: int) -> None:
    rows = np.sort(RNG.integers(0, 6, (4, m)), axis=1)
    queries = RNG.integers(-1, 8, (4, 11))
    found = rank(runtime(backend).xp, *on(backend, rows, queries))
    expected = [np.searchsorted(r, q, side="right") for r, q in zip(rows, queries, strict=True)]
    assert np.array_equal(runtime(backend).host(found), expected)


@pytest.mark.parametrize("backend", backends())
@pytest.mark.parametrize("n", [1, 2, 50])
def test_tally_is_bincount(backend: str, n: int) -> None:
    symbols, weights = RNG.integers(0, 6, (3, n)), RNG.random((3, n))
    weights[:, : n // 2] = 0.0
    symbols[symbols == 4] = 5
    ours, theirs = on(backend, symbols, weights)
    found = runtime(backend).host(tally(runtime(backend).xp, ours, theirs, 8))
    rows = zip(symbols, weights, strict=True)
    expected = [np.bincount(s, weights=w, minlength=8) for s, w in rows]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    assert np.all(found[:, [4, 6, 7]] == 0)


@pytest.mark.parametrize("backend", backends())
def test_pick_inverts_the_distribution(backend: str) -> None:
    """Also at both ends of the uniform numbers, where rounding could find a lost symbol."""
    u = np.array([[0.0, 0.29, 0.31, 0.49, 0.51, 1 - 2**-53]] * 2)
    found = pick(runtime(backend).xp, *on(backend, P, u))
    assert runtime(backend).host(found).tolist() == [[1, 1, 2, 2, 3, 3], [0] * 6]


def test_multinomial_never_revives() -> None:
    generator = np.random.default_rng(0)
    p = 1.0 / np.arange(1.0, 2001.0)
    p[::2], p[-1] = 0.0, 0.0
    p /= p.sum()
    rare, laws = Laws.of(p[None, :]), Laws.of(P)
    for n in (0, 1, 100_000, 10**9):
        counts = rare.counts(generator, 0, n)[0]
        assert counts.sum() == n and np.all(counts[p == 0] == 0)
    assert laws.counts(generator, 1, 7).tolist() == [[7, 0, 0, 0, 0]]
    drawn = np.array([laws.counts(generator, 0, 9)[0] for _ in range(20_000)])
    assert np.all(z_test(drawn[:, 1:4], 9 * P[0, 1:4]) < 0.08)
    products = drawn[:, [1, 1, 2]] * drawn[:, [2, 3, 3]]
    expected = 72 * P[0, [1, 1, 2]] * P[0, [2, 3, 3]]
    assert np.all(z_test(products, expected) < 0.3)


def test_last_bits_change_no_draw() -> None:
    """One half, or one rounding of a division below it: NumPy draws the two in different ways."""
    half = np.array([[0.5, 0.25, 0.25]])
    for near in (np.nextafter(half, 0.0), np.nextafter(half, 1.0)):
        assert np.array_equal(Laws.of(half).swapped, Laws.of(near).swapped)
    assert np.allclose(Laws.of(P).swapped.sum(axis=2), 1.0, rtol=0, atol=1e-12)


@pytest.mark.parametrize("backend", [*backends(), "strict"])
def test_temperature_and_top_k(backend: str) -> None:
    import array_api_strict as strict

    xp = strict if backend == "strict" else runtime(backend).xp
    p = strict.asarray(P) if backend == "strict" else on(backend, P)[0]

    def adapted(sampler: Any) -> Any:
        found = sampler.adapt(xp, {"p": p, "other": p})
        assert found.keys() == {"p", "other"} and found["other"] is p
        values = found["p"]
        return np.asarray(values if backend == "strict" else runtime(backend).host(values))

    for value in (0.25, 1.0, 3.0):
        raised = P ** (1 / value)
        np.testing.assert_allclose(
            adapted(Temperature(value=value)), raised / raised.sum(axis=1, keepdims=True)
        )
    assert np.all(adapted(Temperature(value=0.01))[P == 0] == 0)
    one, two = np.array([[0, 0, 0, 1.0, 0], P[1]]), np.array([[0, 0.375, 0, 0.625, 0], P[1]])
    np.testing.assert_allclose(adapted(TopK(k=1)), one)
    np.testing.assert_allclose(adapted(TopK(k=2)), two)
    for k in (3, 5, 9):
        np.testing.assert_allclose(adapted(TopK(k=k)), P)
    for sampler in (Temperature(value=0.5), TopK(k=2)):
        assert sampler.refusal(Categorical()) is None
        assert "gaussian" in str(sampler.refusal(Gaussian()))


def test_top_k_keeps_ties() -> None:
    """Symbols as probable as the k-th are all kept: which to drop would be arbitrary."""
    import array_api_compat.numpy as xp

    found = TopK(k=2).adapt(xp, {"p": np.array([[0.25, 0.25, 0.25, 0.15, 0.1]])})["p"]
    np.testing.assert_allclose(found, [[1 / 3, 1 / 3, 1 / 3, 0, 0]])


def test_metrics_by_hand() -> None:
    import array_api_compat.numpy as xp

    from recurse.metrics import View

    truth = np.array([[0.1, 0.2, 0.2, 0.4, 0.1]] * 2)
    view = View({"p": P}, {"p": truth}, {}, {}, {})
    expected: dict[Any, list[float]] = {
        Heterozygosity(): [1 - 0.09 - 0.04 - 0.25, 0.0],
        Unique(): [3.0, 1.0],
        Uncollapsed(): [1.0, 0.0],
        MissingMass(): [0.2, 0.9],
        L2Error(): [0.01 + 0.01 + 0.01 + 0.01, 0.81 + 0.04 + 0.04 + 0.16 + 0.01],
        Entropy(): [-0.3 * np.log(0.3) - 0.2 * np.log(0.2) - 0.5 * np.log(0.5), 0.0],
    }
    assert {m.kind for m in expected} == {m.kind for m in COUNTED} - {"reward"}
    for metric, values in expected.items():
        np.testing.assert_allclose(metric.measure(xp, view), values, atol=1e-15)
        assert metric.refusal(WORDS, Categorical()) is None
        assert metric.refusal(NORMAL, Gaussian()) is not None


def test_density_of_what_is_lost() -> None:
    import array_api_compat.numpy as xp

    model = Categorical(symbols=5)
    data = {"symbol": np.array([1, 3])}
    found = model.evaluate(xp, WORDS, {"p": P}, data)
    np.testing.assert_allclose(found, [np.log(0.15) / 2, -np.inf])


def test_smoothing_by_hand() -> None:
    import array_api_compat.numpy as xp

    found = Categorical(symbols=4, smoothing=0.5).estimate(
        xp, {"count": np.array([6.0]), "counts": np.array([[0.0, 1.0, 2.0, 3.0]])}
    )
    np.testing.assert_allclose(found["p"], [[0.5 / 8, 1.5 / 8, 2.5 / 8, 3.5 / 8]])


def test_forms_of_the_source() -> None:
    zipf = CategoricalSource(form="zipf", symbols=4, exponent=2.0)
    np.testing.assert_allclose(zipf.p, np.array([1, 1 / 4, 1 / 9, 1 / 16]) / (205 / 144))
    mandelbrot = CategoricalSource(form="zipf_mandelbrot", symbols=3, exponent=1.0, shift=2.0)
    np.testing.assert_allclose(mandelbrot.p, np.array([1 / 3, 1 / 4, 1 / 5]) / (47 / 60))
    assert CategoricalSource().p.tolist() == [0.1] * 10 and WORDS.alphabet == 5
    drawn = WORDS.draw(Streams(range(4000)), 0, "real", 6)["symbol"]
    shares = (drawn[..., None] == np.arange(5)).mean(axis=1)
    assert np.all(z_test(shares, WORDS.p) < 0.025)


@pytest.mark.parametrize(
    ("fields", "place", "word"),
    [
        ({"form": "given"}, "form", "go together"),
        ({"probabilities": (0.5, 0.5)}, "form", "go together"),
        ({"form": "zipf", "shift": 1.0}, "shift", "nothing"),
        ({"form": "given", "probabilities": (1.5, -0.5)}, "probabilities", "negative"),
        ({"form": "given", "probabilities": (0.5, 0.4)}, "probabilities", "0.9"),
    ],
)
def test_what_the_source_refuses(fields: Any, place: str, word: str) -> None:
    [(path, _, message)] = CategoricalSource(**fields).problems()
    assert path == place and word in message


def test_what_the_family_refuses() -> None:
    assert Categorical().refusal(WORDS) is None
    assert "counts symbols" in str(Categorical().refusal(NORMAL))
    assert "5" in str(Categorical(symbols=4).refusal(WORDS))
    assert Categorical().completed(WORDS).symbols == 5


def test_a_lost_symbol_stays_lost_and_a_point_stays_a_point() -> None:
    arm = frequencies(
        Replace(), samples=Samples(real=6, synthetic=6), generations=60, metrics=COUNTED
    )
    for exact in (True, False):
        found = simulate(arm, 200, exact)
        assert np.all(np.diff(found["unique"], axis=0) <= 0) and found.whole.all()
        collapsed = found["unique"] == 1
        assert collapsed[-1].mean() > 0.9
        assert np.array_equal(found["uncollapsed"] == 0, collapsed)
        assert np.all(found["entropy"][collapsed] == 0)
