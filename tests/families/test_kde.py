"""Kernel density estimates: scikit-learn's densities, the picks, sums that are kept, the law."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import array_api_strict as strict
import numpy as np
import pytest
from sklearn.neighbors import KernelDensity

from recurse.backend import backends
from recurse.correctors.none import NoCorrector
from recurse.families.kde import Kde
from recurse.lowering import remembered
from recurse.lowering.pools import Bank
from recurse.lowering.remembered import Memory, Remembered
from recurse.metrics.second_moment import SecondMoment
from recurse.metrics.test_nll import HeldoutNll
from recurse.metrics.total_variation import TotalVariation
from recurse.numerics.arrays import Batch
from recurse.numerics.streams import Streams
from recurse.policies import Policy
from recurse.policies.accumulate import Accumulate
from recurse.policies.accumulate_subsample import AccumulateSubsample
from recurse.policies.fresh import Fresh
from recurse.policies.mix import Mix
from recurse.policies.replace import Replace
from recurse.policies.window import Window
from recurse.scenario.scenario import Samples
from recurse.schedule import Pool, Row, Use
from recurse.sources.circles import Circles
from recurse.sources.gaussian import GaussianSource
from recurse.sources.moons import Moons
from recurse.theory import curves
from tests.harness import Record, change, operations, runtime, simulate
from tests.kde_arms import KDE, PLANE, SEEN, kernels
from tests.statistics_checks import z_test


def training_sets(arm: Any, seeds: int) -> tuple[list[Any], Record, Any]:
    """The data of each fit, ``[R, n, d]`` and ``[R, n]``; the record; the block."""
    ops: Any = operations(arm, range(seeds))
    pools: dict[Pool, Any] = {}
    add, fit, found = ops.pools.add, ops.fit, []

    def added(pool: Pool, value: Any) -> None:
        pools[pool] = value[0]
        add(pool, value)

    def fitted(generation: int, data: Any, previous: Any) -> Any:
        row = arm.schedule[generation]
        x = np.concatenate([pools[u.pool].fields["x"][:, : u.take] for u in row.uses], axis=1)
        ones = [
            u.weight * (np.ones((seeds, u.take)) if own is None else own[:, : u.take])
            for u in row.uses
            for own in (pools[u.pool].weight,)
        ]
        weights = np.concatenate(ones, axis=1)
        if row.budget is not None:
            order = ops.pools._bank.picks(row)
            x = np.take_along_axis(x, order[..., None], axis=1)
            weights = np.take_along_axis(weights, order, axis=1)
        found.append((x, weights))
        return fit(generation, data, previous)

    ops.pools.add, ops.fit = added, fitted
    return found, simulate(arm, seeds, ops=ops), ops


WITH_DENSITY = [name for name, arm in KDE.items() if arm.metrics[:2] == SEEN]


@pytest.mark.parametrize("chunk", [1 << 18, 1300, 500])
@pytest.mark.parametrize("name", WITH_DENSITY)
def test_density_is_that_of_scikit_learn(
    name: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every generation and replicate, refitted from nothing; whatever is computed at once:
    everything, two of three replicates, a part of the samples of one."""
    monkeypatch.setattr(remembered, "_CHUNK", chunk)
    arm: Any = change(KDE[name], generations=6)
    sets, record, ops = training_sets(arm, 3)
    for g, (x, weights) in enumerate(sets):
        for r in range(3):
            total = weights[r].sum()
            h = arm.model.width(total, 2)
            kept = weights[r] > 0
            model = KernelDensity(bandwidth=h, rtol=0, atol=0).fit(
                x[r][kept], sample_weight=weights[r][kept]
            )
            expected = -model.score_samples(np.asarray(ops._at)[r]).mean()
            np.testing.assert_allclose(record["test_nll"][g, r], expected, rtol=1e-9)
            square = np.sum(weights[r] * np.sum(x[r] ** 2, axis=1)) / total
            second = square + 2 * h**2
            np.testing.assert_allclose(record["second_moment"][g, r], second, rtol=1e-11)


@pytest.mark.parametrize("rule", ["scott", "silverman"])
@pytest.mark.parametrize(("n", "dim"), [(10, 1), (333, 3)])
def test_bandwidth_rules_are_those_of_scikit_learn(rule: Any, n: int, dim: int) -> None:
    x = np.random.default_rng(0).normal(size=(n, dim))
    expected = KernelDensity(bandwidth=rule).fit(x).bandwidth_
    assert abs(Kde(bandwidth=rule).width(float(n), dim) - expected) < 1e-14


PICKED: dict[str, Row] = {
    "one pool": Row(1, 0, 0, (Use(Pool("synthetic", 1), 3),)),
    "weights": Row(1, 0, 0, (Use(Pool("real"), 4, 0.5), Use(Pool("synthetic", 1), 3, 2.0))),
    "a part": Row(1, 0, 0, (Use(Pool("real"), 2), Use(Pool("synthetic", 1), 1))),
    "budget": Row(1, 0, 0, (Use(Pool("real"), 4), Use(Pool("synthetic", 1), 3)), 3),
    "heavy budget": Row(
        1, 0, 0, (Use(Pool("real"), 4, 3.0), Use(Pool("synthetic", 1), 3, 3.0)), 7, True
    ),
    "uneven budget": Row(
        1, 0, 0, (Use(Pool("real"), 4, 1.0), Use(Pool("synthetic", 1), 3, 3.0)), 7, True
    ),
}


@pytest.mark.parametrize("filtered", [False, True])
@pytest.mark.parametrize("name", PICKED)
def test_samples_are_picked_by_weight(name: str, filtered: bool) -> None:
    """At 10^5 even steps of ``u`` every sample has its share of the weight, to 2e-5."""
    row, streams = PICKED[name], Streams((3, 8))
    bank = Bank(streams, compact=True)
    values = np.arange(14.0).reshape(2, 7, 1)
    own = np.ones((2, 7))
    if filtered:
        own = np.array([[0.0, 1, 1, 0.5, 0, 1, 0], [1.0, 0, 1, 1, 0.25, 0, 0]])
        own[:, 4] = 1.0
    for pool, part in ((Pool("real"), slice(0, 4)), (Pool("synthetic", 1), slice(4, 7))):
        bank.add(pool, Batch({"x": values[:, part]}, own[:, part] if filtered else None))
    memory = Memory(bank, None)
    batch, weights = memory.gather(row)
    weights = weights * (batch.weight if filtered else 1.0)
    steps = np.broadcast_to((np.arange(100_000) + 0.5) / 100_000, (2, 100_000))
    picked = memory.pick(steps)["x"]
    for r in range(2):
        for value in values[r, :, 0]:
            share = weights[r][batch.fields["x"][r, :, 0] == value].sum() / weights[r].sum()
            assert abs(np.mean(picked[r] == value) - share) < 2e-5


@pytest.mark.parametrize("backend", backends())
def test_a_sample_is_a_picked_one_with_the_noise_of_the_kernel(backend: str) -> None:
    arm = change(KDE["kde accumulate"], backend=backend, model=Kde(bandwidth=1e-9), generations=3)
    sets, _, _ = training_sets(arm, 2)
    for r in range(2):
        assert {tuple(x) for x in sets[3][0][r].round(6) + 0.0} == {
            tuple(x) for x in sets[0][0][r].round(6) + 0.0
        }


def test_noise_has_the_width_of_the_kernel() -> None:
    """From two far points; a width wrong by 3 % would have been seen."""
    model = Kde(bandwidth=0.5)
    noise = Streams(range(2000)).draws(1, "law", model.noise(Moons(), 10))
    centre = np.where(noise["pick"][..., None] < 0.5, -100.0, 100.0) * np.ones(2)
    h = np.full(2000, 0.5)
    drawn = model.sample(np, Moons(), {"bandwidth": h}, noise, {"x": centre})["x"] - centre
    assert z_test((drawn**2).mean(axis=(1, 2)), 0.25) < 0.06 * 0.25
    assert z_test(drawn.mean(axis=(1, 2)), 0.0) < 0.03


def test_the_whole_family_is_in_the_standard() -> None:
    with strict.ArrayAPIStrictFlags(api_version="2024.12"):
        model, rng = Kde(bandwidth=0.2), np.random.default_rng(0)
        x, at, z = (strict.asarray(rng.normal(size=(3, n, 2))) for n in (8, 5, 4))
        weights, h = strict.ones((3, 8), dtype=strict.float64), strict.full((3,), 0.2)
        summed = model.statistics(strict, {"x": x}, weights)
        summed |= model.sums(strict, x, weights, at, h)
        both = model.merge(strict, summed, model.scale(strict, summed, 2.0))
        params = model.estimate(strict, both)
        density = model.evaluate(strict, Moons(), params, {})
        assert density.shape == (3,) and density.dtype == strict.float64
        assert model.distance(strict, params, params["log_density"]).shape == (3,)
        drawn = model.sample(strict, Moons(), params, {"z": z}, {"x": z})
        assert drawn["x"].shape == (3, 4, 2)


@pytest.mark.parametrize("backend", backends())
def test_far_points_and_weight_zero(backend: str) -> None:
    """Kernels that underflow keep their logarithm; a stretch of weight zero adds nothing."""
    xp, put = runtime(backend).xp, runtime(backend).array
    model = Kde(bandwidth=0.01)
    x = put(np.array([[[0.0], [1.0], [5.0]]]))
    at, h = put(np.array([[[0.5], [100.0]]])), put(np.array([0.01]))
    found = model.sums(xp, x, put(np.array([[2.0, 2.0, 0.0]])), at, h)["log_kernels"]
    exact = [np.log(4.0) - 1250.0, np.log(2.0) - 99.0**2 / 2e-4]
    np.testing.assert_allclose(runtime(backend).host(found)[0], exact, rtol=1e-12)
    none = model.sums(xp, x, put(np.zeros((1, 3))), at, h)["log_kernels"]
    both = xp.logaddexp(found, none)
    np.testing.assert_array_equal(runtime(backend).host(both), runtime(backend).host(found))


def test_total_variation() -> None:
    """Against the integral for a normal with another one as its model; 0.01 would have been seen.

    One sample and a kernel of width 1 is ``N(x, 1)``: ``TV = 2 Phi(|x| / 2) - 1``.
    """
    from scipy.stats import norm

    source = GaussianSource(dim=1)
    arm = kernels(
        Replace(),
        source=source,
        model=Kde(bandwidth=1.0),
        samples=Samples(real=1, synthetic=1),
        generations=0,
        metrics=(TotalVariation(heldout=200),),
    )
    sets, record, _ = training_sets(arm, 3000)
    expected = 2 * norm.cdf(np.abs(sets[0][0][:, 0, 0]) / 2) - 1
    assert z_test(record["total_variation"][0] - expected, 0.0) < 0.01


LAWFUL: dict[str, Policy] = {
    "replace": Replace(),
    "accumulate": Accumulate(),
    "by age": Accumulate(age="linear"),
    "subsample": AccumulateSubsample(),
    "mix": Mix(),
    "fresh": Fresh(),
    "window": Window(size=3),
}


@pytest.mark.parametrize("rule", [0.4, "scott"])
@pytest.mark.parametrize("name", LAWFUL)
def test_second_moment_follows_its_law(name: str, rule: Any) -> None:
    """Level 1e-6 over 7 generations; one kernel's share would have been seen."""
    samples = Samples(real=25, synthetic=25, fresh=25)
    policy, law = LAWFUL[name], Kde(bandwidth=rule)
    arm = kernels(policy, source=PLANE, model=law, samples=samples, generations=6)
    arm = change(arm, metrics=(SecondMoment(),))
    (curve, *_), refused = curves(arm)
    assert curve.kind == "exact"
    assert all(reason.startswith("stated for") for _, reason in refused)
    found = simulate(arm, 3000)["second_moment"].T
    kernel = 2 * law.width(25.0, 2) ** 2
    assert np.all(z_test(found, curve.values) < kernel)


def test_closed_forms_of_the_second_moment() -> None:
    """``S + (g+1) d h^2``, ``S + d h^2 H_{g+1}``, ``S + d h^2 / a``: theory.md 0.4 and 4."""
    line = GaussianSource(dim=1)
    arm = kernels(Replace(), source=line, samples=Samples(real=50, synthetic=50), generations=39)
    assert abs(curves(arm)[0][0].values[-1] - 4.60) < 1e-12
    pooled = curves(change(arm, policy=Accumulate()))[0][0].values
    assert abs(pooled[-1] - 1.3851) < 5e-5
    again = curves(change(arm, policy=AccumulateSubsample()))[0][0].values
    assert np.allclose(again, pooled, rtol=1e-14)
    mixed = change(arm, policy=Mix(), samples=Samples(real=50, synthetic=150), generations=400)
    exact, limit = curves(mixed)[0]
    assert limit.kind == "asymptotic" and abs(limit.values[0] - (1 + 0.09 / 0.25)) < 1e-12
    assert abs(exact.values[-1] - limit.values[0]) < 1e-9 and exact.values[0] == 1.09


def test_the_law_is_left_out_where_it_does_not_hold() -> None:
    """Even points make the second moment of a sample depend on its size, for moons."""
    refused = dict(curves(KDE["kde fresh"])[1])
    assert "depends on its size" in refused["kde_moments"]
    still = change(KDE["kde fresh"], source=Circles(), corrector=NoCorrector())
    assert "kde_moments" not in dict(curves(still)[1])
    assert "verifier" in dict(curves(KDE["kde verifier"])[1])["kde_moments"]


def test_cost_is_that_of_new_samples() -> None:
    """Kernels evaluated in a generation: n m, however many samples are pooled."""
    arm = kernels(Accumulate(), generations=12, metrics=(HeldoutNll(heldout=10),))
    ops = operations(arm, range(2))
    assert isinstance(ops, Remembered)
    call, seen = ops._call, []

    def counted(method: str, *arguments: Any) -> Any:
        if method == "sums":
            seen.append(arguments[0].shape[1])
        return call(method, *arguments)

    ops._call = counted  # type: ignore[method-assign]
    simulate(arm, 2, ops=ops)
    assert seen == [20] * 13


def test_work_of_a_generation_is_that_of_what_it_adds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool is looked at by itself once, though every row names all of them."""
    asked, each = [], Use.each

    def counted(run: Use) -> Iterator[Use]:
        asked.append(run)
        return each(run)

    monkeypatch.setattr(Use, "each", counted)
    simulate(KDE["kde accumulate"], 2)
    pools = KDE["kde accumulate"].generations + 1
    assert sum(run.length for run in asked) == len(set(asked)) == pools


def test_what_is_kept_does_not_grow_under_replace() -> None:
    ops = operations(kernels(Replace(), metrics=SEEN), range(2))
    sizes, forget = [], ops.pools.forget

    def watched(following: Any) -> None:
        forget(following)
        sizes.append(sum(v.size for v in ops.pools.pack().values()))

    ops.pools.forget = watched  # type: ignore[method-assign]
    simulate(kernels(Replace()), 2, ops=ops)
    assert max(sizes[1:]) <= 2 * sizes[1] and sizes[-1] == sizes[3]
