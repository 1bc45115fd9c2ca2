"""Detectors and watermarks: rates, what they leave of the data, and what it costs."""

from __future__ import annotations

from typing import Any

import array_api_compat.numpy as xp
import numpy as np
import pytest
from scipy import stats

from recurse.backend import backends
from recurse.correctors import Prepared
from recurse.correctors.detector import Detector
from recurse.correctors.watermark import Watermark
from recurse.families.gmm import Gmm
from recurse.families.kde import Kde
from recurse.metrics.mean_error import MeanError
from recurse.metrics.second_moment import SecondMoment
from recurse.metrics.variance_ratio import VarianceRatio
from recurse.numerics.streams import Streams
from recurse.policies.accumulate import Accumulate
from recurse.policies.fresh import Fresh
from recurse.policies.mix import Mix
from recurse.policies.replace import Replace
from recurse.reading.problems import Problems
from recurse.scenario.scenario import Arm, Samples, load
from recurse.sources.gaussian import GaussianSource
from tests.closed_arms import SKEW, normal
from tests.discrete_arms import frequencies
from tests.harness import Array, change, simulate
from tests.statistics_checks import z_test

STREAMS = Streams(range(600))


def weights(judge: Any, n: int = 100) -> tuple[Array, Array]:
    """Of synthetic and of real samples, ``[R, n]`` each."""
    batch = SKEW.draw(STREAMS, 1, "batch", n)
    found, share = judge.correct(xp, batch, Prepared({}, {}, {}), judge.draws(STREAMS, SKEW, 1, n))
    assert np.array_equal(found.fields["x"], batch["x"])
    np.testing.assert_allclose(share, 1 - found.weight.mean(axis=1), atol=1e-12)
    return found.weight, judge.screen(STREAMS, 0, "real", n)


def test_a_watermark_has_its_rates() -> None:
    synthetic, real = weights(Watermark(tpr=0.8, fpr=0.1))
    assert set(np.unique(synthetic)) == set(np.unique(real)) == {0.0, 1.0}
    assert z_test(synthetic.mean(axis=1), 0.2) < 0.03 and z_test(real.mean(axis=1), 0.9) < 0.02
    fresh = Watermark(tpr=0.8, fpr=0.1).screen(STREAMS, 3, "fresh", 100)
    assert fresh is not None and not np.array_equal(fresh, real)


@pytest.mark.parametrize("auc", [0.5, 0.7, 0.95])
def test_a_detector_has_its_area_under_the_curve(auc: float) -> None:
    judge = Detector(auc=auc, power=1.0)
    synthetic, real = weights(judge)
    above = (synthetic < real).mean(axis=1)  # the higher the score, the less the weight
    assert z_test(above, auc) < 0.03
    assert z_test(real.mean(axis=1), 1.0) < 0.03


@pytest.mark.parametrize("auc", [0.5, 0.9])
def test_a_filter_has_its_rates(auc: float) -> None:
    judge = Detector(auc=auc, use="filter", fpr=0.05)
    synthetic, real = weights(judge)
    assert z_test(real.mean(axis=1), 0.95) < 0.02
    assert z_test(synthetic.mean(axis=1), 1 - judge.tpr) < 0.03
    assert judge.tpr == pytest.approx(0.05) if auc == 0.5 else judge.tpr > 0.4


@pytest.mark.parametrize("auc", [0.5, 0.9])
def test_the_weights_of_drayson(auc: float) -> None:
    """``(1 - c)^10``, up to the factor that makes real weights 1 on average."""
    synthetic, real = weights(Detector(auc=auc))
    shift = np.sqrt(2) * stats.norm.ppf(auc)
    s = np.linspace(-12, 12, 20_001)
    raw = (1 - 1 / (1 + np.exp(-s))) ** 10
    laws = [stats.norm(centre).pdf(s) * (s[1] - s[0]) for centre in (-shift / 2, shift / 2)]
    assert z_test(real.mean(axis=1), 1.0) < 0.12
    assert z_test(synthetic.mean(axis=1), (laws[1] @ raw) / (laws[0] @ raw)) < 0.12
    ratio = (laws[0] @ raw**2) / (laws[0] @ raw) ** 2
    assert z_test((real**2).mean(axis=1), ratio) < 0.35 * ratio


@pytest.mark.parametrize("judge", [Watermark(tpr=0.4), Detector(auc=0.8, use="filter", fpr=0.1)])
def test_what_is_left_out_costs_variance(judge: Any) -> None:
    """Replace, maximum likelihood: ``E Sigma_g = Sigma prod (1 - E[1/N])``, N what is kept.

    A shift of 4 % would have been seen; without the loss the last one would be 7 % higher.
    """
    tpr, fpr = (judge.tpr, judge.fpr)
    arm = normal(Replace(), generations=3, corrector=judge, metrics=(VarianceRatio(),))
    arm = change(arm, samples=Samples(real=40, synthetic=40))
    expected = np.cumprod([inverse(40, 1 - fpr), *[inverse(40, 1 - tpr)] * 3])
    found = np.concatenate(
        [simulate(arm, range(s, s + 2000))["variance_ratio"] for s in range(0, 8000, 2000)], axis=1
    )
    assert np.all(z_test(found.T, expected) < 0.035)


def inverse(n: int, kept: float) -> float:
    """``1 - E[1/N]`` for ``N ~ Binomial(n, kept)``, which is 0 with no probability to speak of."""
    counts = np.arange(1, n + 1)
    return 1.0 - float(stats.binom.pmf(counts, n, kept) @ (1.0 / counts))


def test_a_perfect_watermark_leaves_the_real_data() -> None:
    for policy in (Mix(), Accumulate()):
        found = simulate(normal(policy, generations=5, corrector=Watermark(tpr=1.0)), 4)
        plain = simulate(normal(policy, generations=0), 4, False)
        for metric in ("w2", "mean_error"):
            np.testing.assert_allclose(found[metric], plain[metric][[0] * 6], rtol=1e-9)


@pytest.mark.parametrize("backend", backends())
def test_fresh_data_are_screened_too(backend: str) -> None:
    """With all synthetic samples found, what is left of fresh data alone makes the fit."""
    metrics = (MeanError(),)
    judge = Watermark(tpr=1.0, fpr=0.5)
    arm = normal(Fresh(), generations=2, backend=backend, corrector=judge, metrics=metrics)
    found = simulate(arm, 5)["mean_error"]
    streams = Streams(range(5))
    for g in (1, 2):
        x = SKEW.draw(streams, g, "fresh", 12)["x"]
        kept = judge.screen(streams, g, "fresh", 12)
        assert kept is not None
        mean = (kept[..., None] * x).sum(axis=1) / kept.sum(axis=1)[:, None]
        np.testing.assert_allclose(found[g], ((mean - SKEW.center) ** 2).sum(axis=1), rtol=1e-9)


def error(arm: Arm, seeds: int = 1500) -> Array:
    return np.asarray(simulate(arm, seeds)["l2_error"][-1])


def test_a_useless_detector_is_worse_than_none_and_a_good_one_better() -> None:
    arm = frequencies(Mix(), generations=8, samples=Samples(real=200, synthetic=200))
    none = error(arm)
    useless = error(change(arm, corrector=Detector(auc=0.5)))
    good = error(change(arm, corrector=Watermark(tpr=0.95, fpr=0.0)))
    for high, low in ((useless, none), (none, good)):
        gap = high - low
        assert gap.mean() > 5 * gap.std() / np.sqrt(len(gap))


@pytest.mark.parametrize(
    "fields", [{"auc": 0.7, "use": "filter"}, {"auc": 0.7, "fpr": 0.1}, {"auc": 0.3}], ids=repr
)
def test_what_a_detector_must_say(fields: dict[str, Any]) -> None:
    spec = {
        "version": 1,
        "name": "detected",
        "source": {"kind": "gaussian"},
        "model": "gaussian",
        "policy": "replace",
        "samples": {"real": 20, "synthetic": 20},
        "generations": 2,
        "seeds": 2,
        "backend": "torch",
        "metrics": ["w2"],
    }
    with pytest.raises(Problems):
        load({**spec, "corrector": {"kind": "detector", **fields}})


@pytest.mark.parametrize("backend", sorted(backends()))
@pytest.mark.parametrize(
    "model", [Kde(bandwidth="silverman"), Gmm(components=1)], ids=["kde", "gmm"]
)
def test_a_replicate_that_keeps_no_sample_fails_alone(model: Any, backend: str) -> None:
    """Of five samples all are left out now and then, also of the real ones."""
    arm = Arm(
        source=GaussianSource(dim=2),
        model=model,
        policy=Replace(),
        corrector=Watermark(tpr=0.6, fpr=0.5),
        samples=Samples(real=5, synthetic=5),
        generations=5,
        backend=backend,
        metrics=(SecondMoment(),),
    )
    record = simulate(arm, 40)
    first, last = record.whole[0], record.whole[-1]
    assert 0 < last.sum() < first.sum() < 40
    assert np.isfinite(record["second_moment"][:, last]).all()
