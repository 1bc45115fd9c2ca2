"""Curation: who is chosen, of how many, and what Ferbach et al. prove about it."""

from __future__ import annotations

from typing import Any

import array_api_compat.numpy as xp
import numpy as np
import pytest

from recurse.backend import backends
from recurse.correctors import Prepared
from recurse.correctors.curation import Curation
from recurse.correctors.none import NoCorrector
from recurse.judges.rewards import Nearness
from recurse.metrics.reward import Reward
from recurse.numerics.streams import Streams
from recurse.policies.accumulate import Accumulate
from recurse.policies.accumulate_subsample import AccumulateSubsample
from recurse.policies.mix import Mix
from recurse.policies.replace import Replace
from recurse.scenario.scenario import Arm, Samples
from recurse.sources.categorical import CategoricalSource
from recurse.sources.linear_regression import LinearRegression
from recurse.theory.ferbach import Ferbach, curated
from tests.closed_arms import SKEW, normal
from tests.discrete_arms import REWARDS, WORDS, frequencies
from tests.harness import Array, change, operations, simulate
from tests.statistics_checks import z_test

R = 4000
STREAMS = Streams(range(R))
UP = Curation(k=4, direction=(1.0, 0.0, -0.5))


def choose(judge: Curation, source: Any, batch: dict[str, Any], n: int) -> dict[str, Any]:
    draws = judge.draws(STREAMS, source, 1, n)
    found, share = judge.correct(xp, batch, Prepared({}, {}, {}), draws)
    assert np.allclose(share, 1 - 1 / judge.k)
    return dict(found.fields)


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_one_of_k_is_chosen_by_softmax(k: int) -> None:
    judge = Curation(k=k, nearness=Nearness(target=(1.0, -2.0, 0.5), radius=0.5, strength=2.0))
    x = np.tile(np.random.default_rng(k).standard_normal((1, 2 * k, 3)) * 1.5, (R, 1, 1))
    found = choose(judge, SKEW, {"x": x, "label": np.tile(np.arange(2 * k), (R, 1))}, 2)
    reward = -2.0 * np.maximum(np.linalg.norm(x[0] - SKEW.center, axis=1) - 0.5, 0.0)
    chance = np.exp(reward.reshape(2, k))
    chance /= chance.sum(axis=1, keepdims=True)
    for slot in range(2):
        picked = found["label"][:, slot, None] == np.arange(slot * k, (slot + 1) * k)
        assert np.all(picked.sum(axis=1) == 1)
        if k > 1:
            assert np.all(z_test(picked, chance[slot]) < 0.06)
        assert np.array_equal(found["x"][:, slot], x[np.arange(R), found["label"][:, slot]])


@pytest.mark.parametrize("k", [2, 4])
def test_expected_law_of_curated_symbols(k: int) -> None:
    """``p'(x) = p(x) H(x)`` given the model, by the loop itself."""
    p = np.array([0.35, 0.05, 0.3, 0.1, 0.2])
    arm = frequencies(Replace(), corrector=Curation(k=k, values=REWARDS))
    ops = operations(arm, range(R))
    ops.real(24)
    sums, recorded = ops.synthesise(1, {"p": np.tile(p, (R, 1))}, 40)
    statistics = sums.all
    assert statistics["count"].tolist() == [40.0] * R
    assert np.allclose(recorded["corrected_share"], 1 - 1 / k)
    found = statistics["counts"] / 40
    assert np.all(z_test(found, curated(p, REWARDS, k)) < 0.01)


def test_two_candidates_by_hand() -> None:
    p, gain = np.asarray(WORDS.p), np.exp(REWARDS)
    beats = gain[:, None] / (gain[:, None] + gain[None, :])
    np.testing.assert_allclose(curated(p, REWARDS, 2), 2 * p * (beats @ p), rtol=1e-13)
    np.testing.assert_allclose(curated(p, REWARDS, 1), p, rtol=1e-13)


def test_many_candidates_choose_in_proportion_to_the_reward() -> None:
    p = np.array([0.3, 0.7])
    limit = p * np.exp([0.4, 0.0])
    limit /= limit.sum()
    gaps = [np.abs(curated(p, (0.4, 0.0), k) - limit).max() for k in (2, 10, 200)]
    assert gaps[0] > gaps[1] > gaps[2] and gaps[2] < 1e-3


def test_the_reward_grows_at_least_by_its_variance() -> None:
    """Lemma 2.2: ``E' e^r >= E e^r + (K-1)/K Var e^r / e^{r*}``; equality would be a constant."""
    rng = np.random.default_rng(7)
    for _ in range(300):
        size, k = int(rng.integers(2, 7)), int(rng.integers(2, 5))
        p, rewards = rng.dirichlet(np.ones(size)), rng.normal(0, 1.5, size)
        gain, after = np.exp(rewards), curated(p, tuple(rewards), k)
        least = (k - 1) / k * (p @ gain**2 - (p @ gain) ** 2) / gain.max()
        assert after @ gain >= p @ gain + least - 1e-12
        assert after.sum() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("k", [2, 3, 4])
@pytest.mark.parametrize("policy", [Replace(), Mix(), Mix.model_validate({"lambda": 0.25})])
def test_the_promised_gains_hold_for_infinite_data(k: int, policy: Any) -> None:
    """Lemma 2.2 and Theorem 2.3 on random rewards."""
    rng = np.random.default_rng(k)
    for _ in range(20):
        rewards = tuple(float(r) for r in rng.normal(size=5))
        judge, metrics = Curation(k=k, values=rewards), (Reward(values=rewards),)
        arm = frequencies(policy, corrector=judge, metrics=metrics, generations=30)
        arm = change(arm, samples=Samples(real=100, synthetic=100))
        lines = {c.kind: c.values for c in Ferbach().curves(arm) if c.metric == "reward"}
        gain = lines["asymptotic"] - lines["bound"]
        assert np.all(gain >= -1e-12 * lines["bound"])
        q, e = WORDS.p, np.exp(rewards)
        first = (k - 1) / k * (q @ e**2 - (q @ e) ** 2) / e.max()
        lam = {Replace(): None, Mix(): 1.0}.get(policy, 0.25)
        part = 1.0 if lam is None else lam / (1.0 + lam) ** 3
        np.testing.assert_allclose(lines["bound"][:2], [q @ e, q @ e + part * first], rtol=1e-12)
    assert not [c for c in Ferbach().curves(change(arm, policy=Accumulate())) if c.kind == "bound"]


def test_pure_curation_ends_at_the_best_symbols_and_real_data_bound_it() -> None:
    """Theorem 2.1; and ``p_g <= (1 + lambda K C)/(1 + lambda) p_ref`` below ``1/(K-1)``."""
    judge = Curation(k=2, values=(1.0, 0.0, 1.0, 0.2, 0.0))
    arm = frequencies(Replace(), generations=80, corrector=judge, metrics=(Reward(values=REWARDS),))
    (entropy,) = [c.values for c in Ferbach().curves(arm) if c.metric == "entropy"]
    best = np.array([0.4, 0.3]) / 0.7
    assert entropy[-1] == pytest.approx(-(best * np.log(best)).sum(), abs=1e-6)
    mixed = change(arm, policy=Mix(), samples=Samples(real=20, synthetic=10))
    (entropy,) = [c.values for c in Ferbach().curves(mixed) if c.metric == "entropy"]
    assert entropy[-1] > entropy[0] - 0.5 * np.log(2.0) and abs(entropy[-1] - entropy[-2]) < 1e-9


@pytest.mark.parametrize("policy", [Replace(), Mix(), Accumulate()], ids=repr)
def test_the_loop_follows_the_law(policy: Any) -> None:
    """6000 samples: the map of infinite data; a shift of 3 % would have been seen."""
    metrics = (Reward(values=REWARDS),)
    judge = Curation(k=3, values=REWARDS)
    arm = frequencies(policy, generations=4, corrector=judge, metrics=metrics)
    arm = change(arm, samples=Samples(real=6000, synthetic=6000))
    expected = next(
        c.values for c in Ferbach().curves(arm) if c.kind == "asymptotic" and c.metric == "reward"
    )
    found = simulate(arm, 60)["reward"].T
    assert np.all(z_test(found, expected) < 0.03 * expected)
    assert expected[-1] > 1.2 * expected[0]


@pytest.mark.parametrize("backend", backends())
@pytest.mark.parametrize("policy", [Replace(), Accumulate(), AccumulateSubsample()], ids=repr)
def test_one_candidate_is_no_curation(policy: Any, backend: str) -> None:
    plain = normal(policy, generations=5, backend=backend)
    one = change(plain, corrector=Curation(k=1, direction=(1.0, 2.0, 3.0)))
    left, right = simulate(plain, 3, False), simulate(one, 3, False)
    np.testing.assert_allclose(left["w2"], right["w2"], rtol=1e-11)


def test_a_linear_reward_shifts_a_normal_by_its_covariance() -> None:
    """Many candidates: ``p e^r`` is a normal law with mean ``mu + Sigma r`` and its covariance."""
    judge = Curation(k=600, direction=(0.4, -0.2, 0.3))
    params = {k: np.array(v) for k, v in SKEW.truth(Streams(range(200))).items()}
    ops = operations(normal(Replace(), corrector=judge), range(200))
    ops.real(24)
    sums, _ = ops.synthesise(1, params, 30)
    statistics = sums.all
    expected = SKEW.center + SKEW.matrix @ np.array([0.4, -0.2, 0.3])
    assert np.all(z_test(statistics["mean"], expected) < 0.13)


def hand_on(arm: Arm, n: int) -> Array:
    ops = operations(arm, range(3))
    ops.real(24)
    params = {k: np.array(v) for k, v in SKEW.truth(Streams(range(3))).items()}
    return np.asarray(ops.synthesise(1, params, n)[0].fields["x"])


def test_the_chosen_are_among_the_candidates() -> None:
    """K n samples of the model are seen, n handed on."""
    chosen = hand_on(normal(AccumulateSubsample(), corrector=UP), 10)
    candidates = hand_on(normal(AccumulateSubsample(), corrector=NoCorrector()), 40)
    assert chosen.shape == (3, 10, 3) and candidates.shape == (3, 40, 3)
    grouped = candidates.reshape(3, 10, 4, 3)
    assert np.all((grouped == chosen[:, :, None]).all(axis=-1).sum(axis=-1) == 1)


def test_where_it_is_refused() -> None:
    symbols = CategoricalSource(symbols=3)
    refused = [
        (UP, LinearRegression(dim=3), ("x", "y"), "other inputs"),
        (Curation(direction=(1.0,)), SKEW, ("x",), "1 dimensions"),
        (Curation(nearness=Nearness(target=(1.0, 2.0))), SKEW, ("x",), "2 dimensions"),
        (Curation(values=(0.0, 1.0)), SKEW, ("x",), "symbols"),
        (Curation(values=(0.0, 1.0)), symbols, ("symbol",), "there are 3"),
        (UP, symbols, ("symbol",), "vectors"),
    ]
    for judge, source, fields, words in refused:
        assert words in str(judge.refusal(source, fields))
    law = Ferbach()
    values = tuple(np.linspace(0, 1, 30))
    large = frequencies(Replace(), corrector=Curation(k=9, values=values))
    assert "candidates" in str(law.refusal(large))
    assert "reward of symbols" in str(law.refusal(frequencies(Replace())))
