"""Both lowerings draw from one law; a block can be resumed; a broken replicate stays alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import array_api_compat.numpy as xp
import numpy as np
import pytest
from scipy import stats

from recurse.backend import backends
from recurse.families.closed import Closed
from recurse.families.gaussian import Gaussian
from recurse.families.linear import Linear
from recurse.lowering.closed import ClosedForm
from recurse.lowering.contents import Sums
from recurse.lowering.decision import decide
from recurse.lowering.pools import Bank, Merged, in_part, nested
from recurse.metrics.log_spread import LogSpread
from recurse.metrics.test_nll import HeldoutNll
from recurse.numerics.arrays import Batch
from recurse.numerics.streams import Streams
from recurse.policies.accumulate import Accumulate
from recurse.policies.replace import Replace
from recurse.policies.window import Window
from recurse.scenario.scenario import Arm, Samples
from recurse.schedule import Pool, Row, Schedule, Use
from recurse.sources import Source
from recurse.sources.gaussian import GaussianSource
from recurse.sources.linear_regression import LinearRegression
from tests.closed_arms import ARMS, FRESH_DESIGN, MOMENTS, SKEW, least_squares, normal
from tests.harness import Array, change, operations, runtime, simulate
from tests.statistics_checks import LEVEL, same_mean, z_test

R = 6000
TINY = Samples(real=3, synthetic=3)
"""Fewer samples than dimensions make a singular covariance."""

LOWERABLE = {
    **{name: arm for name, arm in ARMS.items() if decide(arm).lowering == "statistics"},
    "gaussian, n = d": normal(Accumulate(), samples=TINY),
    "gaussian, n < d": normal(Replace(), samples=Samples(real=2, synthetic=2)),
    "gaussian, n = 1": normal(Accumulate(), samples=Samples(real=2, synthetic=1)),
}


def together(arm: Arm, seeds: range, exact: bool) -> dict[str, Array]:
    """Metrics of three generations ``[R, 3]``, in blocks."""
    arm = change(arm, generations=4)
    firsts = range(seeds.start, seeds.stop, 1000)
    blocks = [simulate(arm, range(first, first + 1000), exact) for first in firsts]
    return {
        m: np.concatenate([b[m][[0, 1, 4]] for b in blocks], axis=1).T for m in blocks[0].metrics
    }


@pytest.mark.parametrize("name", LOWERABLE)
def test_both_lowerings_draw_from_one_law(name: str) -> None:
    """Equal means, mean squares and quantiles of every metric after 0, 1 and 4 generations.

    Level 1e-6 for each of the three. Seen with 99 % power: a shift of the mean by 0.2 standard
    deviations; of a quantile by 6 % in probability (two-sample Kolmogorov-Smirnov band).
    """
    on_statistics = together(LOWERABLE[name], range(R), True)
    on_samples = together(LOWERABLE[name], range(R, 2 * R), False)
    for metric, left in on_statistics.items():
        right = on_samples[metric]
        unit = left.std(axis=0)
        assert np.all(same_mean(left, right, LEVEL / len(on_statistics)) <= 0.2 * unit)
        centre = left.mean(axis=0)
        first, second = (((values - centre) / unit) ** 2 for values in (left, right))
        same_mean(first, second, LEVEL / len(on_statistics))
        level = LEVEL / left.shape[1] / len(on_statistics)
        band = np.sqrt(np.log(2 / level) / R)
        assert band < 0.06
        for a, b in zip(left.T, right.T, strict=True):
            assert stats.ks_2samp(a, b).statistic < band


GAUSSIAN_SIZES = [1, 2, 3, 5, 30]
LINEAR_SIZES = [1, 3, 4, 9, 30]


def moments_of(statistics: dict[str, Any]) -> Array:
    """All first and second moments of the statistics of each replicate, ``[R, m]``."""
    flat = np.concatenate([v.reshape(len(v), -1) for v in statistics.values()], axis=1)
    rows, columns = np.triu_indices(flat.shape[1])
    return np.concatenate([flat, flat[:, rows] * flat[:, columns]], axis=1)


def law_of_statistics(family: Closed[Any], source: Source, n: int, params: dict[str, Any]) -> None:
    """``sample_statistics`` has the moments of ``statistics(sample)``, up to the second order."""
    first, second = Streams(range(R)), Streams(range(R, 2 * R))
    drawn = second.draws(1, "law", family.noise(source, n))
    batch = family.sample(xp, source, params, drawn, {})
    summed = family.statistics(xp, batch, np.ones((R, n)))
    noise = first.draws(1, "law", family.statistics_noise(source, n))
    exact = family.sample_statistics(xp, source, n, params, noise, {})
    assert exact.keys() == summed.keys()
    assert {k: v.shape for k, v in exact.items()} == {k: v.shape for k, v in summed.items()}
    assert all(v.dtype == np.float64 for v in exact.values())
    left, right = moments_of(exact), moments_of(summed)
    shift = same_mean(left, right)
    assert np.all(shift <= 0.25 * np.maximum(left.std(axis=0), right.std(axis=0)))


@pytest.mark.parametrize("n", GAUSSIAN_SIZES)
def test_law_of_gaussian_statistics(n: int) -> None:
    params = {
        "mean": np.broadcast_to(SKEW.center, (R, 3)),
        "covariance": np.broadcast_to(SKEW.matrix, (R, 3, 3)),
    }
    law_of_statistics(Gaussian(), SKEW, n, params)


@pytest.mark.parametrize("n", LINEAR_SIZES)
def test_law_of_linear_statistics(n: int) -> None:
    coef = np.broadcast_to([1.0, -2.0, 0.0, 0.5], (R, 4))
    law_of_statistics(Linear(), FRESH_DESIGN, n, {"coef": coef})


@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_law_of_a_fit_on_a_reused_design(ridge: float) -> None:
    """The fitted coefficients have one covariance in both lowerings, for copies of a design too.

    Without ridge it is ``noise^2 / (copies (n - d - 1)) I``. The excess risk is blind to this: it
    sees the eigenvalues of the Gram matrix only.
    """
    model, source, n, copies = Linear(ridge=ridge), LinearRegression(dim=4, noise=2.0), 9, 2
    coef = np.broadcast_to([1.0, -2.0, 0.0, 0.5], (R, 4))
    first, second = Streams(range(R)), Streams(range(R, 2 * R))
    params, size = {"coef": coef}, n * copies
    noise = first.draws(1, "law", model.statistics_noise(source, size))
    design = model.design(source, first, n)
    exact = model.sample_statistics(xp, source, size, params, noise, design)
    shared = {"x": source.draw(second, 0, "real", n)["x"]}
    noise = second.draws(1, "law", model.noise(source, size))
    batch = model.sample(xp, source, params, noise, shared)
    summed = model.statistics(xp, batch, np.ones((R, size)))
    left, right = (model.estimate(xp, s)["coef"] - coef for s in (exact, summed))
    products = [v[:, :, None] * v[:, None, :] for v in (left, right)]
    assert np.all(same_mean(left, right) < 0.15)
    expected = 4.0 / (copies * (n - 4 - 1)) * np.eye(4)
    assert np.all(same_mean(products[0], products[1]) < 0.45 * expected[0, 0])
    if ridge == 0:
        for each in products:
            assert np.all(z_test(each, expected) < 0.35 * expected[0, 0])


@pytest.mark.parametrize("backend", backends())
@pytest.mark.parametrize("name", ARMS)
def test_resume_gives_the_same_bits(name: str, backend: str) -> None:
    """A state taken to NumPy and back after any generation continues with the same numbers."""
    arm = change(ARMS[name], backend=backend, generations=7)
    after = (0, 2, 5)
    whole_run = simulate(arm, 3, keep=after)
    for generation in after:
        resumed = simulate(arm, 3, start=whole_run.saved[generation])
        assert [o.generation for o in resumed.outcomes] == list(range(generation + 1, 8))
        for metric in resumed.metrics:
            assert np.array_equal(resumed[metric], whole_run[metric][generation + 1 :])


def test_a_state_that_lacks_pools_is_not_resumed() -> None:
    """A short run of a wide window keeps a running total; a longer one needs the pools."""
    short = normal(Window(size=12), generations=9)
    saved = simulate(short, 2, keep=(9,)).saved[9]
    long = change(short, generations=20)
    ops = operations(long, (0, 1))
    ops.pools.unpack(saved.pools)
    assert not ops.pools.resume(long.schedule[9], long.schedule[10])


def spoil(ops: Any, generation: int, replicate: int) -> None:
    """Makes one replicate's fit of one generation not finite."""
    fit: Callable[..., Any] = ops.fit

    def broken(at: int, data: Any, previous: Any) -> Any:
        params, recorded = fit(at, data, previous)
        if at == generation:
            host = {k: np.array(ops._runtime.host(v)) for k, v in params.items()}
            for values in host.values():
                values[replicate] = np.nan
            params = {k: ops._runtime.array(v) for k, v in host.items()}
        return params, recorded

    ops.fit = broken


@pytest.mark.parametrize("backend", backends())
@pytest.mark.parametrize("generation", [0, 2])
@pytest.mark.parametrize(
    "name",
    ["gaussian accumulate", "gaussian subsample", "linear reused replace", "linear fresh replace"],
)
def test_a_broken_replicate_stays_alone(name: str, generation: int, backend: str) -> None:
    arm = change(ARMS[name], backend=backend, generations=5)
    healthy = simulate(arm, 3)
    ops = operations(arm, range(3))
    spoil(ops, generation, 1)
    broken = simulate(arm, 3, ops=ops)
    others = [0, 2]
    for metric in healthy.metrics:
        assert np.array_equal(broken[metric][:, others], healthy[metric][:, others])
    assert np.all(broken.whole[:, others])
    assert np.all(broken.whole[:generation, 1]) and not np.any(broken.whole[generation:, 1])


@pytest.mark.parametrize("backend", backends())
def test_broken_noise_does_not_stop_the_block(backend: str) -> None:
    """NaN in the statistics, not only in the model: factorisations must not raise for the block."""
    arm = normal(Accumulate(), backend=backend, generations=5)
    ops = operations(arm, range(3))
    assert isinstance(ops, ClosedForm)
    add = ops.pools.add

    def broken(pool: Any, value: Any) -> None:
        if pool.born == 2:
            host = {k: np.array(runtime(backend).host(v)) for k, v in value.all.items()}
            host["scatter"][1] = np.nan
            value = Sums({k: runtime(backend).array(v) for k, v in host.items()})
        add(pool, value)

    ops.pools.add = broken  # type: ignore[method-assign]
    found, healthy = simulate(arm, 3, ops=ops), simulate(arm, 3)
    assert found.whole[:, 1].tolist() == [True, True, False, False, False, False]
    for metric in healthy.metrics:
        assert np.array_equal(found[metric][:, [0, 2]], healthy[metric][:, [0, 2]])


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("name", ARMS)
def test_every_fit_sees_as_many_samples_as_its_row_says(name: str, exact: bool) -> None:
    arm = change(ARMS[name], generations=9)
    ops = operations(arm, (0, 1), exact and decide(arm).lowering == "statistics")
    fit: Callable[..., Any] = ops.fit
    seen = []

    def watched(generation: int, data: Any, previous: Any) -> Any:
        if not isinstance(data, Sums):
            counts = data[1].sum(axis=1)
        elif "count" in data.all:
            counts = data.all["count"]
        else:  # pointwise fits on a reused design: weights of its inputs
            counts = data.all["weight"].sum(axis=1)
        seen.append(np.asarray(counts).tolist())
        return fit(generation, data, previous)

    ops.fit = watched  # type: ignore[method-assign]
    simulate(arm, 2, ops=ops)
    if arm.corrector.weighs and not isinstance(ops.pools, Bank):
        # A bank keeps the weights of a corrector beside those of the row.
        assert all(
            0 < count <= row.size
            for row, at in zip(arm.schedule, seen, strict=True)
            for count in at
        )
    else:
        assert seen == [[row.size] * 2 for row in arm.schedule]


def schedule(policy: Any, generations: int = 30) -> Schedule:
    return Schedule(policy, 10, 10, 0, generations)


def test_which_schedules_are_whole_and_nested() -> None:
    assert in_part(schedule(Replace())) is None and not nested(schedule(Replace()))
    assert in_part(schedule(Accumulate())) is None and nested(schedule(Accumulate()))
    assert in_part(schedule(Window(size=4))) is None and not nested(schedule(Window(size=4)))
    assert in_part(schedule(Accumulate(age="linear"))) is not None
    assert in_part(schedule(Accumulate(age="linear"), 0)) is not None


@pytest.mark.parametrize("policy", [Replace(), Accumulate(), Window(size=3)], ids=repr)
def test_merged_pools_forget(policy: Any) -> None:
    """The pools held do not grow beyond those that the next row needs."""
    ops = operations(normal(policy, generations=30, metrics=MOMENTS), (0, 1))
    sizes = []
    forget = ops.pools.forget

    def watched(following: Any) -> None:
        forget(following)
        sizes.append(len(ops.pools.pack()) // 3)

    ops.pools.forget = watched  # type: ignore[method-assign]
    simulate(normal(policy, generations=30), 2, ops=ops)
    assert isinstance(ops.pools, Merged)
    assert max(sizes) <= 3 and sizes[-1] == sizes[10]


@pytest.mark.parametrize("dim", [20, 60])
def test_singular_covariances_keep_a_factor(dim: int) -> None:
    """Far fewer samples than dimensions, 30 generations down to nothing: finite and shrinking."""
    source = SKEW.model_copy(update={"dim": dim, "mean": None, "covariance": None})
    for exact in (True, False):
        found = simulate(normal(Replace(), source=source, samples=TINY, generations=30), 20, exact)
        assert found.whole.all()
        assert found["variance_ratio"][-1].max() < 0.05


@pytest.mark.parametrize("exact", [True, False], ids=["statistics", "samples"])
@pytest.mark.parametrize("units", [(1e7, 1e-7), (1e-150, 1e150)], ids=str)
def test_units_of_a_coordinate_do_not_matter(units: tuple[float, float], exact: bool) -> None:
    """Income beside a rate: fits, losses and spread are those of coordinates of one size."""
    plain = normal(
        Accumulate(),
        source=GaussianSource(dim=2, covariance=((1.0, 0.6), (0.6, 1.0))),
        metrics=(LogSpread(), HeldoutNll(heldout=40)),
    )
    first, second = units
    covariance = ((first**2, 0.6 * first * second), (0.6 * first * second, second**2))
    scaled = change(plain, source=GaussianSource(dim=2, covariance=covariance))
    found, expected = simulate(scaled, 4, exact), simulate(plain, 4, exact)
    for metric in expected.metrics:  # the determinant is the same
        np.testing.assert_allclose(found[metric], expected[metric], rtol=1e-9, atol=1e-9)


def test_least_squares_on_a_reused_design_agrees_sample_by_sample() -> None:
    """The design of the statistics lowering is a Gram matrix: a fit inherits ``coef`` exactly."""
    arm = least_squares(Replace(), generations=3)
    quiet = change(arm, source=arm.source.model_copy(update={"noise": 0.0}))
    for exact in (True, False):
        assert simulate(quiet, 5, exact)["excess_risk"].max() < 1e-25


def test_samples_and_their_sums_are_weighed_alike() -> None:
    """A row's weights act on banked samples, in part or drawn, as on statistics kept whole."""
    streams, family = Streams((0, 1)), Gaussian()
    pools = {Pool("fresh", 2): 5, Pool("synthetic", 2): 7}
    drawn = {pool: SKEW.draw(streams, 2, pool.kind, n) for pool, n in pools.items()}
    weights = dict(zip(pools, (1.75, 0.5), strict=True))
    uses = tuple(Use(pool, n, weights[pool]) for pool, n in pools.items())
    bank = Bank(streams, compact=False)
    merged = Merged(
        lambda left, right: Sums(family.merge(xp, left.all, right.all)),
        lambda held, weight: Sums(family.scale(xp, held.all, weight)),
        False,
        runtime("numpy"),
    )
    for pool, batch in drawn.items():
        bank.add(pool, Batch(batch))
        merged.add(pool, Sums(family.statistics(xp, batch, np.ones((2, pools[pool])))))
    row = Row(2, 7, 5, uses)
    batch, given = bank.gather(row)
    ours = family.estimate(xp, family.statistics(xp, batch.fields, given))
    theirs = family.estimate(xp, merged.gather(row).all)
    for name, values in ours.items():
        np.testing.assert_allclose(values, theirs[name], rtol=1e-13, atol=1e-14)
    part = Row(2, 7, 5, tuple(use._replace(take=3) for use in uses))
    batch, given = bank.gather(part)
    assert given.sum(axis=1).tolist() == [3 * (1.75 + 0.5)] * 2
    batch, given = bank.gather(Row(2, 7, 5, uses, budget=9))
    for replicate in range(2):
        for x, weight in zip(batch.fields["x"][replicate], given[replicate], strict=True):
            (origin,) = [p for p in pools if (drawn[p]["x"][replicate] == x).all(axis=1).any()]
            assert weight == weights[origin]
