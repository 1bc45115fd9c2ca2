"""Curation of points by nearness: quadrature against exact sums, the corrector, lemma, bound."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from recurse.correctors import Prepared
from recurse.correctors.curation import Curation
from recurse.judges.rewards import Nearness
from recurse.metrics import View
from recurse.metrics.mode_kl import ModeKl
from recurse.metrics.point_reward import PointReward
from recurse.numerics.streams import Streams
from recurse.policies import Policy
from recurse.policies.mix import Mix
from recurse.policies.replace import Replace
from recurse.samplers.bias import Bias
from recurse.scenario.scenario import Arm, Samples
from recurse.sources.mixture import Mixture
from recurse.theory import ferbach, ferbach_points
from recurse.theory.law import Curve, curves
from tests.closed_arms import SKEW
from tests.gmm_arms import PAIR, clusters
from tests.harness import change, runtime, simulate
from tests.statistics_checks import z_test

RING = Mixture(deviation=0.3)
EDGE = Nearness(target=(2.0, 0.0), radius=0.4, strength=1.3)
NARROWED = Bias.model_validate({"lambda": 0.5})
SEEN = (PointReward(nearness=EDGE, samples=2000), ModeKl(samples=2000))


def curated(policy: Policy, k: int, **fields: Any) -> Arm:
    given: dict[str, Any] = {
        "source": RING,
        "corrector": Curation(k=k, nearness=EDGE),
        "metrics": SEEN,
        "generations": 8,
    }
    return clusters(policy, **{**given, **fields})


def named(arm: Arm, metric: str, start: str) -> Curve | None:
    found = [c for c in curves(arm)[0] if c.metric == metric and c.name.startswith(start)]
    return found[0] if found else None


@pytest.mark.parametrize("k", [1, 2, 4])
def test_quadrature_is_the_sum_over_candidates(k: int) -> None:
    rng = np.random.default_rng(2)
    for spread in (0.1, 1.0, 4.0, 10.0):
        rewards = tuple(-spread * rng.random(6))
        p = rng.dirichlet(np.ones(6))
        expected = ferbach.curated(p, rewards, k)
        found = ferbach_points.curated(p, np.exp(rewards), k)
        np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("k", [2, 16])
def test_first_round_is_what_the_corrector_does(k: int) -> None:
    """Candidates from the source itself; level 1e-6, a shift of 3 % would have been seen."""
    xp, n, streams = runtime("numpy").xp, 200, Streams(range(400))
    judge = Curation(k=k, nearness=EDGE)
    batch = RING.draw(streams, 1, "synthetic", k * n)
    kept, _ = judge.correct(xp, batch, Prepared({}, {}, {}), judge.draws(streams, RING, 1, n))
    found = np.exp(EDGE.reward(xp, kept.fields["x"])).mean(axis=1)
    curve = named(curated(Replace(), k), "point_reward", "infinite data")
    assert curve is not None and z_test(found, curve.values[1]) < 0.03 * curve.values[1]
    real = RING.draw(streams, 0, "real", n)["x"]
    assert z_test(np.exp(EDGE.reward(xp, real)).mean(axis=1), curve.values[0]) < 0.06


@pytest.mark.parametrize("k", [2, 4, 16])
def test_lemma_and_theorem_hold_on_the_exact_path(k: int) -> None:
    """The expected reward rises at least as Lemma 2.2 says, to the highest; the bound of Theorem
    2.4 is drawn where lambda < 1/(K-1), and only there."""
    alone = curated(Replace(), k, generations=40)
    path, least = (
        named(alone, "point_reward", name) for name in ("infinite", "lower bound, Lemma")
    )
    assert path is not None and least is not None
    assert np.all(path.values >= least.values - 1e-12) and np.all(np.diff(least.values) > 0.0)
    assert 0.99 < path.values[-1] <= 1.0
    assert named(alone, "mode_kl", "Theorem") is None
    for size in (12, 40):
        arm = curated(Mix(), k, samples=Samples(real=40, synthetic=size))
        bound, shares = (named(arm, "mode_kl", name) for name in ("Theorem", "infinite"))
        assert named(arm, "point_reward", "lower bound, Theorem 2.3") and shares is not None
        ratio = size / 40 * (k - 1)
        assert (bound is None) == (ratio >= 1.0)
        if bound is not None:
            assert np.allclose(bound.values, -math.log(1.0 - ratio))
            assert np.all(shares.values <= bound.values)


def test_large_samples_follow_the_curves() -> None:
    """1500 samples, eight components: the mean of 6 seeds within 6 % in every generation."""
    source = Mixture(deviation=0.15)
    for policy in (Replace(), Mix()):
        samples = Samples(real=1500, synthetic=1500)
        arm = curated(policy, 2, source=source, samples=samples, generations=5)
        arm = change(arm, model=arm.model.model_copy(update={"components": 8}))
        curve = named(arm, "point_reward", "infinite data")
        assert curve is not None
        found = simulate(arm, 6)["point_reward"].mean(axis=1)
        np.testing.assert_allclose(found, curve.values, rtol=0.06)
        assert curve.values[-1] > 1.5 * curve.values[0]


def test_metrics_are_those_of_plain_formulas() -> None:
    xp, truth = runtime("numpy").xp, RING.truth(Streams((1,)))
    x = np.concatenate([np.tile(RING.centers[:1], (30, 1)), np.tile(RING.centers[1:2], (10, 1))])
    view = View({}, truth, {"x": x[None]}, {}, {})
    expected = 0.75 * math.log(0.75 * 8) + 0.25 * math.log(0.25 * 8)
    np.testing.assert_allclose(ModeKl().measure(xp, view), [expected])
    away = 1.3 * (4.0 * math.sin(math.pi / 8) - 0.4)
    np.testing.assert_allclose(SEEN[0].measure(xp, view), [0.75 + 0.25 * math.exp(-away)])


def test_refusals() -> None:
    assert "no modes" in str(ModeKl().refusal(SKEW, clusters(Replace()).model))
    assert "nearness" in str(PointReward().refusal(PAIR, clusters(Replace()).model))
    cases = (
        (clusters(Replace()), "nearness"),
        (
            curated(Replace(), 2, sampler=Bias.model_validate({"lambda": 0.5})),
            "sampled as they are",
        ),
        (curated(Replace(), 2, source=SKEW), "mixtures"),
        (
            curated(Replace(), 2, corrector=Curation(nearness=Nearness(target=(9.0, 9.0)))),
            "quadrature",
        ),
    )
    for arm, words in cases:
        assert words in dict(curves(arm)[1])["ferbach_points"]
