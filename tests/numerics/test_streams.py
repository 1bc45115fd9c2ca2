"""Streams: what a cell draws depends on its seed, generation and purpose, and on nothing else."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from recurse.numerics.streams import (
    ChiSquare,
    Draw,
    Integers,
    Normal,
    Streams,
    Subset,
    Uniform,
    key,
    stream,
)
from tests.statistics_checks import LEVEL, z_test

SMALL: dict[str, Draw] = {
    "normal": Normal((3, 2)),
    "uniform": Uniform((4,)),
    "chi-square": ChiSquare((5, 1, 0)),
    "integers": Integers(7, (5,)),
    "subset": Subset(9, 4),
    "large": Normal((700,)),
    "empty": Normal((0,)),
}
KEY = [16261220269361234762, 3250562723710342221]
NUMBERS = [0.8299164682056652, 0.21741097024151923, 5.561970438060144]
SUBSET = [35, 45, 48, 9]
INTEGERS = [37, 40, 29, 31]
GENERATIONS = (0, 1, 2, 63, 64, 65, 500, 5000)


@pytest.mark.parametrize("request_", SMALL.values(), ids=SMALL)
def test_independent_of_order_and_block(request_: Draw) -> None:
    """Any order of generations, purposes and requests, any block: the same bits."""
    forward = Streams((5, 0, 2**62, 8))
    first = {g: np.array(forward.draw(g, "a", request_)) for g in GENERATIONS}
    assert all(found.shape == (4, *request_.shape) for found in first.values())
    for seeds in ((8,), (2**62, 8), (8, 1, 3)):
        backward = Streams(seeds)
        for g in reversed(GENERATIONS):
            backward.draw(g, "b", request_)
            backward.draw(g + 1, "a", Normal((11,)))
            found = backward.draw(g, "a", request_)
            assert np.array_equal(found[seeds.index(8)], first[g][3])


@pytest.mark.parametrize("request_", [r for n, r in SMALL.items() if n != "empty"])
def test_every_name_counts(request_: Draw) -> None:
    """Another seed, generation or purpose gives other numbers."""
    wide: Draw = Subset(10_000, 40) if isinstance(request_, Subset) else request_
    wide = Integers(10**9, (5,)) if isinstance(request_, Integers) else wide
    streams = Streams((1, 2))
    draws = [streams.draw(g, p, wide) for g in (0, 1, 64, 65, 4096) for p in ("a", "b")]
    rows = [tuple(row) for found in draws for row in found.reshape(2, -1).tolist()]
    assert len(set(rows)) == len(rows)


def test_draws_are_the_stream_in_order() -> None:
    """A request is served from its own stream; regions of the counter are the generations."""
    large = Normal((600,))
    found = Streams((7,)).draw(3, "x", large)
    plain = stream(7, 3, f"x|{large}").standard_normal(600)
    assert np.array_equal(found[0], plain)
    small = Streams((7,))
    together = np.concatenate([small.draw(g, "x", Normal((2,)))[0] for g in range(256)])
    assert np.array_equal(together, stream(7, 0, "x|Normal(shape=(2,))").standard_normal(512))


def test_regions_of_the_counter_do_not_overlap() -> None:
    """A generation may use 2^128 blocks before it would reach the next one's."""
    for generation in (0, 1, 2, 100_000):
        bits = stream(1, generation, "x").bit_generator
        counter = bits.state["state"]["counter"]
        assert counter.tolist() == [0, 0, generation, 0]
    early = stream(1, 0, "x").bit_generator
    assert isinstance(early, np.random.Philox)
    early.advance(4 * 2**64)
    assert early.state["state"]["counter"][2] == 0


def test_requests_share_no_bits() -> None:
    """Requests of one purpose that differ in shape or law are not the same uniforms in disguise."""
    requests: list[Draw] = [Normal((64,)), Normal((65,)), Normal((8, 8)), Uniform((64,))]
    drawn = [Streams((0,)).draw(0, "x", r).reshape(-1)[:64] for r in requests]
    for left, right in itertools.combinations(drawn, 2):
        assert not np.intersect1d(left, right).size
        assert abs(stats.spearmanr(left, right).statistic) < 0.65  # level 1e-6 for 64 pairs: 0.57


def test_keys_do_not_collide() -> None:
    """128 bits: 10^5 seeds, purposes that could be confused, all different."""
    seeds = [key(seed, "a").tobytes() for seed in range(100_000)]
    odd = ["", "a|1", "1|a", "a/b", "ab", "a b", "0", "-1"]
    named = [key(seed, purpose).tobytes() for seed in (0, 1, 11) for purpose in odd]
    assert len({*seeds, *named}) == len(seeds) + len(named)
    assert len({seed[:8] for seed in seeds}) == len(seeds)


def test_ambiguous_names_are_kept_apart() -> None:
    assert key(1, "2|x").tolist() != key(12, "x").tolist()
    assert key(1, "1|x").tolist() != key(11, "x").tolist()


def test_draws_are_read_only() -> None:
    found = Streams((1,)).draw(0, "a", Normal((2,)))
    with pytest.raises(ValueError, match="read-only"):
        found[0, 0] = 1.0


def test_growing_requests_are_not_kept() -> None:
    """A subsample of a growing pool is another request each time; it must not pile up."""
    streams = Streams((1, 2))
    for total in range(20, 200):
        streams.draw(total, "subsample", Subset(total, 10))
        streams.draw(total, "subsample", Integers(total, (10,)))
        streams.draw(total, "scatter", ChiSquare((total,)))
    assert list(streams._ahead) == ["scatter"]
    assert streams._ahead["scatter"].numbers.nbytes <= 2 * 512 * 8


@pytest.mark.parametrize(
    ("request_", "law"),
    [
        (Normal((4,)), stats.norm()),
        (Uniform((4,)), stats.uniform()),
        (ChiSquare((1,) * 4), stats.chi2(1)),
        (ChiSquare((37,) * 4), stats.chi2(37)),
    ],
    ids=("normal", "uniform", "chi-square 1", "chi-square 37"),
)
def test_distribution(request_: Draw, law: stats.rv_continuous) -> None:
    """Across seeds, generations and entries. DKW band of level 1e-6; 20 000 numbers see 1.9 %."""
    streams = Streams(range(500))
    drawn = np.stack([streams.draw(g, "law", request_) for g in range(10)])
    assert drawn.size == 20_000
    band = np.sqrt(np.log(2 / LEVEL) / (2 * drawn.size))
    assert band < 0.0195
    assert stats.kstest(drawn.reshape(-1), law.cdf).statistic < band


def test_neighbours_are_uncorrelated() -> None:
    """Adjacent seeds, generations, purposes and entries: each correlation below 0.05 at 1e-6."""
    streams = Streams(range(3000))
    a = np.stack([streams.draw(g, "a", Normal((4,))) for g in range(6)])
    b = np.stack([streams.draw(g, "b", Normal((4,))) for g in range(6)])
    pairs = {
        "seed": (a[:, :-1], a[:, 1:]),
        "generation": (a[:-1], a[1:]),
        "purpose": (a, b),
        "entry": (a[..., :-1], a[..., 1:]),
    }
    products = {name: (x * y).reshape(-1) for name, (x, y) in pairs.items()}
    for product in products.values():
        assert z_test(product, 0.0, LEVEL / len(pairs)) < 0.05


def test_integers_and_subsets() -> None:
    """Subsets have no repeats and every index is equally likely; integers may repeat."""
    streams = Streams(range(4000))
    subset = streams.draw(1, "s", Subset(8, 3))
    assert np.all(np.diff(np.sort(subset, axis=1), axis=1) > 0)
    for found in (subset, streams.draw(1, "i", Integers(8, (3,)))):
        counts = (found[..., None] == np.arange(8)).sum(axis=1)
        assert np.all(z_test(counts, 3 / 8) < 0.08)
        # Every position as well: the order within a subset is random.
        assert np.all(z_test((found[..., None] == np.arange(8)).reshape(4000, -1), 1 / 8) < 0.05)


def test_stream_is_frozen() -> None:
    """These numbers may never change: they are in everybody's stores."""
    assert key(3, "real/x").tolist() == KEY
    streams = Streams((3,))
    found = [
        streams.draw(2, "real/x", Normal((2,)))[0, 0],
        streams.draw(2, "real/x", Uniform((2,)))[0, 0],
        streams.draw(2, "real/x", ChiSquare((4, 3)))[0, 1],
    ]
    np.testing.assert_allclose(found, NUMBERS, rtol=1e-12)
    assert streams.draw(2, "real/x", Subset(50, 4))[0].tolist() == SUBSET
    assert streams.draw(2, "real/x", Integers(50, (4,)))[0].tolist() == INTEGERS
