"""Verifiers: what they keep, how weights travel through pools, and where they are refused."""

from __future__ import annotations

from typing import Any

import array_api_compat.numpy as xp
import numpy as np
import pytest
from scipy import stats

from recurse.backend import backends
from recurse.correctors import Prepared
from recurse.correctors.verifier import Reference, Verifier
from recurse.correctors.watermark import Watermark
from recurse.families.linear import Linear
from recurse.lowering.decision import decide
from recurse.metrics.sign_accuracy import SignAccuracy
from recurse.numerics.arrays import Batch
from recurse.numerics.streams import Streams
from recurse.policies import Policy
from recurse.policies.accumulate import Accumulate
from recurse.policies.accumulate_subsample import AccumulateSubsample
from recurse.policies.fresh import Fresh
from recurse.policies.mix import Mix
from recurse.policies.replace import Replace
from recurse.policies.window import Window
from recurse.reading.problems import Problems
from recurse.scenario.scenario import Arm, Samples, load
from recurse.sources.categorical import CategoricalSource
from recurse.sources.digits import Digits
from recurse.sources.linear_regression import LinearRegression
from tests.closed_arms import FRESH_DESIGN, SKEW, least_squares, normal
from tests.discrete_arms import frequencies
from tests.harness import Array, change, operations, runtime, simulate
from tests.neural_arms import ARMS
from tests.statistics_checks import z_test

STREAMS = Streams(range(400))
ALL = Verifier(reference=Reference(tolerance=1e9))
NOTHING = Verifier(reference=Reference(offset=1e6, tolerance=0.0))


def corrected(judge: Verifier, source: Any, n: int = 50) -> tuple[dict[str, Any], Array]:
    batch = source.draw(STREAMS, 1, "batch", n)
    prepared = judge.prepare(STREAMS, source, batch)
    found, share = judge.correct(
        xp, batch, Prepared(prepared, {}, {}), judge.draws(STREAMS, source, 1, n)
    )
    np.testing.assert_allclose(share, 1 - found.weight.mean(axis=1), atol=1e-15)
    return {**found.fields, "weight": found.weight, "before": batch}, share


def test_turned_labels_are_kept_with_the_stated_probabilities() -> None:
    judge = Verifier(error=0.3, phi=0.9, psi=0.4)
    found, share = corrected(judge, FRESH_DESIGN)
    turned = found["y"] == -found["before"]["y"]
    assert np.array_equal(found["y"][~turned], found["before"]["y"][~turned])
    assert set(np.unique(found["weight"])) == {0.0, 1.0}
    assert z_test(turned.mean(axis=1), 0.3) < 0.03
    assert z_test(found["weight"][turned], 0.4) < 0.05
    assert z_test(found["weight"][~turned], 0.9) < 0.03
    assert z_test(share, 1 - 0.7 * 0.9 - 0.3 * 0.4) < 0.03
    kept = found["weight"] == 1
    assert z_test(turned[kept], judge.kept_error) < 0.03
    # Whatever the inputs: the turned ones are like the others.
    assert z_test((found["before"]["x"][turned] ** 2).sum(axis=1), 4.0) < 0.3


def test_a_window_judges_labels_and_points() -> None:
    judge = Verifier(reference=Reference(offset=0.6, tolerance=0.5, radius=0.2))
    found, _ = corrected(judge, FRESH_DESIGN)
    coef = FRESH_DESIGN.truth(STREAMS)["coef"] + 0.6 / 2
    gap = np.abs(found["y"] - np.einsum("rni,ri->rn", found["x"], coef))
    assert np.array_equal(
        found["weight"] == 1, gap <= 0.5 + 0.2 * np.linalg.norm(found["x"], axis=2)
    )
    found, _ = corrected(Verifier(reference=Reference(offset=-1.0, tolerance=1.5)), SKEW)
    gap = np.linalg.norm(found["x"] - (SKEW.center - 1 / np.sqrt(3)), axis=2)
    assert np.array_equal(found["weight"] == 1, gap <= 1.5) and 0.1 < found["weight"].mean() < 0.9


def test_symbols_are_accepted_by_name() -> None:
    source = CategoricalSource(symbols=5)
    found, _ = corrected(Verifier(accepts=(1, 4), psi=0.25), source)
    good = np.isin(found["symbol"], (1, 4))
    assert np.all(found["weight"][good] == 1)
    assert z_test(found["weight"][~good], 0.25) < 0.04


POLICIES: list[Policy] = [Replace(), Accumulate(), Mix(), Fresh(), Window(size=2)]


@pytest.mark.parametrize("backend", backends())
@pytest.mark.parametrize("policy", [*POLICIES, AccumulateSubsample()], ids=repr)
def test_a_verifier_that_keeps_everything_changes_nothing(policy: Policy, backend: str) -> None:
    plain = normal(policy, generations=6, backend=backend)
    left, right = (simulate(a, 3, False) for a in (plain, change(plain, corrector=ALL)))
    np.testing.assert_allclose(left["w2"], right["w2"], rtol=1e-11)
    assert np.all(right["corrected_share"][1:] == 0)


@pytest.mark.parametrize("backend", backends())
@pytest.mark.parametrize(
    "policy", [Accumulate(), Mix(), AccumulateSubsample(replacement=True)], ids=repr
)
def test_rejected_samples_weigh_nothing(policy: Policy, backend: str) -> None:
    """With all synthetic samples rejected only real ones are left, merged or in a bank."""
    arm = normal(policy, generations=4, backend=backend, corrector=NOTHING)
    found = simulate(arm, 3, False)
    assert found.whole.all() and np.all(found["corrected_share"][1:] == 1)
    if policy.kind != "accumulate_subsample":
        for metric in ("w2", "mean_error"):
            np.testing.assert_allclose(found[metric][1:], found[metric][[0] * 4], rtol=1e-9)


@pytest.mark.parametrize("backend", backends())
def test_nothing_left_is_a_failure_of_its_replicate(backend: str) -> None:
    """Under replace no sample is left: recorded as broken, the block goes on."""
    for arm in (
        normal(Replace(), generations=2, backend=backend, corrector=NOTHING),
        least_squares(
            Replace(), source=FRESH_DESIGN, generations=2, backend=backend, corrector=NOTHING
        ),
        frequencies(
            Replace(), generations=2, backend=backend, corrector=Verifier(accepts=(0,), phi=1e-300)
        ),
    ):
        assert simulate(arm, 3).whole.tolist() == [[True] * 3, [False] * 3, [False] * 3]


@pytest.mark.parametrize("backend", backends())
@pytest.mark.parametrize("design", ["fresh", "reused"])
def test_too_few_left_for_least_squares(design: Any, backend: str) -> None:
    """Replicates whose kept inputs span all dimensions run on, the others are broken; with a ridge
    or the minimum norm all run on. Twice as many labels on a reused design span no more."""
    source = LinearRegression(dim=4, noise=0.7, design=design)
    judge = Verifier(reference=Reference(tolerance=1e9), phi=0.15)
    counts = Samples(real=12, synthetic=24 if design == "reused" else 18)
    arm = least_squares(
        Replace(),
        source=source,
        corrector=judge,
        samples=counts,
        generations=1,
        backend=backend,
    )
    seeds, streams = range(150), Streams(range(150))
    weight = judge.draws(streams, source, 1, counts.synthetic)["keep"] < 0.15
    kept = weight.sum(axis=1)
    if design == "reused":
        kept = (weight[:, :12] | weight[:, 12:]).sum(axis=1)
    found = simulate(arm, seeds)
    assert {0, 1, 2, 3, 4} <= set(kept.tolist())
    assert np.array_equal(found.whole[1], kept >= 4)
    for model in (Linear(ridge=0.1), Linear(min_norm=True)):
        assert np.array_equal(simulate(change(arm, model=model), seeds).whole[1], kept >= 1)


def by_hand(arm: Arm, seeds: range, backend: str) -> Array:
    """The mean of generation 1 from the real and the kept synthetic samples, ``[R, d]``."""
    ops = operations(arm, seeds, False)
    streams = Streams(seeds)
    x = SKEW.draw(streams, 0, "real", arm.samples.real)["x"]
    mean = x.mean(axis=1, keepdims=True)
    covariance = np.einsum("rni,rnj->rij", x - mean, x - mean) / x.shape[1]
    put = runtime(backend).array
    ops.real(arm.samples.real)
    plain = operations(change(arm, corrector=ALL, policy=AccumulateSubsample()), seeds, False)
    plain.real(arm.samples.real)
    params = {"mean": put(mean[:, 0].copy()), "covariance": put(covariance)}
    batch, _ = plain.synthesise(1, params, arm.samples.synthetic)
    judge = arm.corrector
    prepared = judge.prepare(streams, SKEW, {})
    draws = judge.draws(streams, SKEW, 1, arm.samples.synthetic)
    drawn = {"x": np.asarray(batch.fields["x"])}
    weight = judge.correct(xp, drawn, Prepared(prepared, {}, {}), draws)[0].weight
    total = x.sum(axis=1) + (weight[..., None] * drawn["x"]).sum(axis=1)
    return np.asarray(total / (x.shape[1] + weight.sum(axis=1))[:, None])


@pytest.mark.parametrize("backend", backends())
def test_merged_and_banked_weights_by_hand(backend: str) -> None:
    """Accumulate keeps statistics; a budget of the whole pool is the same data in a bank."""
    judge = Verifier(reference=Reference(offset=1.0, tolerance=1.5), psi=0.2)
    arm = normal(Accumulate(), generations=1, backend=backend, corrector=judge)
    banked = change(arm, policy=AccumulateSubsample(budget=48))
    error = ((by_hand(arm, range(3), backend) - SKEW.center) ** 2).sum(axis=1)
    for each in (arm, banked):
        np.testing.assert_allclose(simulate(each, 3)["mean_error"][1], error, rtol=1e-9)


def test_the_mean_of_a_verified_normal_is_that_of_a_truncated_one() -> None:
    """One dimension, one generation: ``E[mean_1 | model 0]`` is the mean of the window."""
    source = SKEW.model_copy(update={"dim": 1, "mean": None, "covariance": None})
    judge = Verifier(reference=Reference(offset=1.0, tolerance=0.8))
    arm = normal(Replace(), source=source, generations=1, corrector=judge)
    ops = operations(arm, range(3000))
    ops.real(24)
    params = {"mean": np.full((3000, 1), 0.5), "covariance": np.full((3000, 1, 1), 2.25)}
    sums, _ = ops.synthesise(1, params, 200)
    statistics = sums.all
    law = stats.truncnorm((0.2 - 0.5) / 1.5, (1.8 - 0.5) / 1.5, loc=0.5, scale=1.5)
    assert z_test(statistics["mean"][:, 0], law.mean()) < 0.01
    assert z_test(statistics["scatter"][:, 0, 0] / (statistics["count"] - 1), law.var()) < 0.01


def test_the_sign_accuracy_is_the_share_of_inputs_of_equal_sign() -> None:
    source = LinearRegression(dim=3)
    streams = Streams(range(4))
    truth = source.truth(streams)
    coef = truth["coef"] + 0.7 * np.random.default_rng(1).standard_normal((4, 3))
    view: Any = type("View", (), {"params": {"coef": coef}, "truth": truth})
    x = np.random.default_rng(2).standard_normal((200_000, 3))
    same = (x @ coef.T > 0) == (x @ truth["coef"].T > 0)
    assert np.all(z_test(same, SignAccuracy().measure(xp, view)) < 0.01)
    for factor, expected in ((2.0, 1.0), (-1.0, 0.0), (0.0, 1.0)):
        view.params = {"coef": factor * truth["coef"]}
        found = SignAccuracy().measure(xp, view)
        assert np.allclose(found, expected, atol=1e-7)


def test_where_it_is_refused() -> None:
    symbols = CategoricalSource(symbols=3)
    refused = [
        (Verifier(error=0.1), SKEW, ("x",), "sign of a label"),
        (Verifier(accepts=(0,)), SKEW, ("x",), "symbols"),
        (Verifier(accepts=(1, 3)), symbols, ("symbol",), "symbol 3, and there are 3"),
        (ALL, symbols, ("symbol",), "centre"),
        (ALL, Digits(), ("image",), "centre"),
        (Verifier(reference=Reference(tolerance=1.0, radius=1.0)), SKEW, ("x",), "radius"),
        (Verifier(error=0.1), FRESH_DESIGN, ("x",), "keeps x alone"),
        (ALL, FRESH_DESIGN, ("x",), "keeps x alone"),
    ]
    for judge, source, fields, word in refused:
        assert word in str(judge.refusal(source, fields))
    assert Verifier(accepts=(0, 2)).refusal(symbols, ("symbol",)) is None
    assert "corrector 'verifier'" in decide(normal(Replace(), corrector=ALL)).because


@pytest.mark.parametrize(
    "fields", [{}, {"error": 0.1, "accepts": [0]}, {"error": 0.1, "phi": 0.0}], ids=repr
)
def test_one_judge_and_something_to_keep(fields: dict[str, Any]) -> None:
    with pytest.raises(Problems):
        load({**SPEC, "corrector": {"kind": "verifier", **fields}})


SPEC: dict[str, Any] = {
    "version": 1,
    "name": "verified",
    "source": {"kind": "linear_regression", "dim": 2},
    "model": "linear",
    "policy": "replace",
    "samples": {"real": 20, "synthetic": 20},
    "generations": 2,
    "seeds": 2,
    "backend": "torch",
    "metrics": ["excess_risk"],
}


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_networks_are_trained_on_what_is_accepted(backend: str) -> None:
    """Weights reach the loss: without those that are rejected a network sees other data."""
    plain = change(ARMS["flow_matching"], policy=Replace(), backend=backend)
    judged = change(plain, corrector=Watermark(tpr=0.5))
    found, other = simulate(judged, 2)["test_loss"], simulate(plain, 2)["test_loss"]
    assert np.isfinite(found).all() and (found[1] != other[1]).all()


@pytest.mark.parametrize(("change_to", "words"), [("short", "hands on 11"), ("bare", "truly")])
def test_a_corrector_hands_on_what_it_announces(change_to: str, words: str) -> None:
    class Odd(Verifier):
        def correct(self, xp: Any, batch: Any, prepared: Any, draws: Any) -> Any:
            found, share = super().correct(xp, batch, prepared, draws)
            if change_to == "bare":
                return Batch(found.fields), share
            return Batch({"x": found.fields["x"][:, :11]}, found.weight), share

    odd = Odd(reference=Reference(tolerance=1.0))
    ops = operations(change(normal(Replace()), corrector=odd), range(3))
    ops.real(24)
    params = {k: np.array(v) for k, v in SKEW.truth(Streams(range(3))).items()}
    with pytest.raises(ValueError, match=words):
        ops.synthesise(1, params, 12)
