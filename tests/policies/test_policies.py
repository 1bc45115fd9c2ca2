"""Policies compile to rows: golden text for small cases, and what every schedule promises."""

from __future__ import annotations

import itertools
import math

import pytest

from recurse.policies import Policy
from recurse.policies.accumulate import Accumulate
from recurse.policies.accumulate_subsample import AccumulateSubsample
from recurse.policies.augment_aged import AugmentAged
from recurse.policies.fresh import Fresh
from recurse.policies.grow import Grow
from recurse.policies.halfway import Halfway
from recurse.policies.memory import Memory
from recurse.policies.mix import Mix
from recurse.policies.replace import Replace
from recurse.policies.weighted_fresh import WeightedFresh
from recurse.policies.window import Window
from recurse.schedule import REAL, Pool, Row, Schedule, Use, flaw, made
from recurse.spec import kinds

DOUBLE = Mix.model_validate({"lambda": 2.0})
HALF = Mix.model_validate({"lambda": 0.25})
EXAMPLES: dict[str, list[Policy]] = {
    "accumulate": [Accumulate(), Accumulate(age="linear")],
    "accumulate_subsample": [
        AccumulateSubsample(),
        AccumulateSubsample(budget=5),
        AccumulateSubsample(replacement=True),
    ],
    "augment_aged": [AugmentAged()],
    "fresh": [Fresh()],
    "grow": [Grow(), Grow(rate=0.5), Grow(law="geometric", rate=0.7)],
    "halfway": [Halfway()],
    "memory": [Memory(size=1), Memory(size=4)],
    "mix": [Mix(), DOUBLE, HALF, Mix(keep=0.3)],
    "replace": [Replace()],
    "weighted_fresh": [WeightedFresh(), *(WeightedFresh(w=w) for w in (0.0, 0.3))],
    "window": [Window(size=1), Window(size=2), Window(size=9)],
}
"""Every discovered policy, with values of its options; a new one without examples fails here."""
ALL = [policy for examples in EXAMPLES.values() for policy in examples]
COUNTS = [(10, 10, 0), (10, 10, 4), (3, 7, 2), (7, 3, 1), (1, 1, 1), (12, 1, 0)]

GOLDEN: list[tuple[Policy, list[str]]] = [
    (Replace(), ["4 synthetic[1]", "4 synthetic[2]", "4 synthetic[3]"]),
    (
        Accumulate(),
        [
            "8 real + 4 synthetic[1]",
            "8 real + 4 synthetic[1] + 4 synthetic[2]",
            "8 real + 4 synthetic[1] + 4 synthetic[2] + 4 synthetic[3]",
        ],
    ),
    (
        Accumulate(age="linear"),
        [
            "8 real + 4 synthetic[1]",
            "8 real + 2 synthetic[1] + 4 synthetic[2]",
            "8 real + 1 synthetic[1] + 2 synthetic[2] + 4 synthetic[3]",
        ],
    ),
    (AugmentAged(), ["8 real + 4 synthetic[1]", "8 real + 2 synthetic[1] + 4 synthetic[2]"]),
    (
        AccumulateSubsample(),
        [
            "8 drawn without replacement from 8 real + 4 synthetic[1]",
            "8 drawn without replacement from 8 real + 4 synthetic[1] + 4 synthetic[2]",
            "8 drawn without replacement from 8 real + 4 synthetic[1] + 4 synthetic[2]"
            " + 4 synthetic[3]",
        ],
    ),
    (
        AccumulateSubsample(budget=3, replacement=True),
        [
            "3 drawn with replacement from 8 real + 4 synthetic[1]",
            "3 drawn with replacement from 8 real + 4 synthetic[1] + 4 synthetic[2]",
        ],
    ),
    (Mix(), ["8 real + 4 synthetic[1]", "8 real + 4 synthetic[2]"]),
    (Mix(keep=0.5), ["4 real + 4 synthetic[1]", "4 real + 4 synthetic[2]"]),
    (DOUBLE, ["8 real + 16 synthetic[1]", "8 real + 16 synthetic[2]"]),
    (HALF, ["8 real + 2 synthetic[1]", "8 real + 2 synthetic[2]"]),
    (Fresh(), ["5 fresh[1] + 4 synthetic[1]", "5 fresh[2] + 4 synthetic[2]"]),
    (Halfway(), ["12 synthetic[1]", "16 synthetic[2]", "20 synthetic[3]"]),
    (Grow(), ["8 synthetic[1]", "12 synthetic[2]", "16 synthetic[3]"]),
    (Grow(rate=2), ["16 synthetic[1]", "36 synthetic[2]"]),
    (
        Grow(law="geometric", rate=0.5),
        ["2 synthetic[1]", "1 synthetic[2]", "1 synthetic[3]"],
    ),
    (
        Memory(size=2),
        [
            "5 fresh[1] + 4 synthetic[1]",
            "5 fresh[2] + 4 synthetic[1] + 4 synthetic[2]",
            "5 fresh[3] + 4 synthetic[2] + 4 synthetic[3]",
        ],
    ),
    # The real half weighs as much as the other: 5 * 0.9 = 4 * 1.125 = 9 / 2.
    (WeightedFresh(w=0.5), ["5 fresh[1] (weight 0.9) + 4 synthetic[1] (weight 1.125)"]),
    (WeightedFresh(w=0.0), ["4 synthetic[1]", "4 synthetic[2]"]),
    (WeightedFresh(w=1.0), ["5 fresh[1]", "5 fresh[2]"]),
    (Window(size=1), ["4 synthetic[1]", "4 synthetic[2]"]),
    (
        Window(size=3),
        [
            "8 real + 4 synthetic[1]",
            "8 real + 4 synthetic[1] + 4 synthetic[2]",
            "4 synthetic[1] + 4 synthetic[2] + 4 synthetic[3]",
            "4 synthetic[2] + 4 synthetic[3] + 4 synthetic[4]",
        ],
    ),
]


ODD: list[tuple[Policy, list[tuple[int, int, str]]]] = [
    (Replace(), [(5, 0, "5 synthetic[1]"), (5, 0, "5 synthetic[2]"), (5, 0, "5 synthetic[3]")]),
    (
        Accumulate(),
        [
            (5, 0, "7 real + 5 synthetic[1]"),
            (5, 0, "7 real + 5 synthetic[1] + 5 synthetic[2]"),
            (5, 0, "7 real + 5 synthetic[1] + 5 synthetic[2] + 5 synthetic[3]"),
        ],
    ),
    *(
        (
            aged,  # 5/2 and 5/3, 10/3 rounded down
            [
                (5, 0, "7 real + 5 synthetic[1]"),
                (5, 0, "7 real + 2 synthetic[1] + 5 synthetic[2]"),
                (5, 0, "7 real + 1 synthetic[1] + 3 synthetic[2] + 5 synthetic[3]"),
            ],
        )
        for aged in (Accumulate(age="linear"), AugmentAged())
    ),
    *(
        (
            AccumulateSubsample(budget=budget, replacement=how == "with"),
            [
                (5, 0, f"{size} drawn {how} replacement from 7 real + 5 synthetic[1]"),
                (
                    5,
                    0,
                    f"{size} drawn {how} replacement from 7 real + 5 synthetic[1] + 5 synthetic[2]",
                ),
                (
                    5,
                    0,
                    f"{size} drawn {how} replacement from 7 real + 5 synthetic[1]"
                    " + 5 synthetic[2] + 5 synthetic[3]",
                ),
            ],
        )
        for budget, size, how in ((None, 7, "without"), (4, 4, "with"))
    ),
    (
        Fresh(),
        [(5, 3, f"3 fresh[{g}] + 5 synthetic[{g}]") for g in (1, 2, 3)],
    ),
    # 5 (g + 1): 10, 15, 20; 5 sqrt(g + 1): 7.07, 8.66, 10; 5 * 1.6^g: 8, 12.8, 20.48.
    (Grow(), [(n, 0, f"{n} synthetic[{g}]") for g, n in ((1, 10), (2, 15), (3, 20))]),
    (Grow(rate=0.5), [(n, 0, f"{n} synthetic[{g}]") for g, n in ((1, 7), (2, 9), (3, 10))]),
    (
        Grow(law="geometric", rate=1.6),
        [(n, 0, f"{n} synthetic[{g}]") for g, n in ((1, 8), (2, 13), (3, 20))],
    ),
    (Halfway(), [(n, 0, f"{n} synthetic[{g}]") for g, n in ((1, 12), (2, 17), (3, 22))]),
    (
        Memory(size=2),
        [
            (5, 3, "3 fresh[1] + 5 synthetic[1]"),
            (5, 3, "3 fresh[2] + 5 synthetic[1] + 5 synthetic[2]"),
            (5, 3, "3 fresh[3] + 5 synthetic[2] + 5 synthetic[3]"),
        ],
    ),
    (Mix(), [(5, 0, f"7 real + 5 synthetic[{g}]") for g in (1, 2, 3)]),
    (DOUBLE, [(14, 0, f"7 real + 14 synthetic[{g}]") for g in (1, 2, 3)]),
    (Mix(keep=0.3), [(5, 0, f"2 real + 5 synthetic[{g}]") for g in (1, 2, 3)]),
    # A quarter of the weight of 8 on 3 fresh ones: 2/3 each; the rest on 5: 6/5 each.
    (
        WeightedFresh(w=0.25),
        [
            (5, 3, f"3 fresh[{g}] (weight 0.666667) + 5 synthetic[{g}] (weight 1.2)")
            for g in (1, 2, 3)
        ],
    ),
    # k = 3/5, w = (sqrt(0.36 + 2.4) - 0.6)/2 = 0.530662; 8 w / 3 and 8 (1 - w) / 5.
    (
        WeightedFresh(),
        [
            (5, 3, f"3 fresh[{g}] (weight 1.4151) + 5 synthetic[{g}] (weight 0.75094)")
            for g in (1, 2, 3)
        ],
    ),
    (
        Window(size=2),
        [
            (5, 0, "7 real + 5 synthetic[1]"),
            (5, 0, "5 synthetic[1] + 5 synthetic[2]"),
            (5, 0, "5 synthetic[2] + 5 synthetic[3]"),
        ],
    ),
]
"""The draws of each generation from the last model and anew, and the data of its fit, written by
hand from the definitions: 7 real, 5 synthetic and 3 fresh samples, three generations."""


def test_every_policy_has_examples() -> None:
    assert EXAMPLES.keys() == kinds("policy").keys()
    assert all(p.kind == kind for kind, examples in EXAMPLES.items() for p in examples)
    assert {policy.kind for policy, _ in ODD} == EXAMPLES.keys()


@pytest.mark.parametrize(("policy", "rows"), ODD, ids=[repr(p) for p, _ in ODD])
def test_rows_at_odd_sizes(policy: Policy, rows: list[tuple[int, int, str]]) -> None:
    """Three sizes that differ tell real from synthetic and from fresh; row 0 is the real sample."""
    schedule = Schedule(policy, 7, 5, 3, len(rows))
    found = [(row.synthesise, row.fresh, str(row)) for row in schedule]
    assert found == [(0, 0, "7 real"), *rows]


@pytest.mark.parametrize(("policy", "rows"), GOLDEN, ids=[repr(p) for p, _ in GOLDEN])
def test_rows(policy: Policy, rows: list[str]) -> None:
    """8 real, 4 synthetic and 5 fresh samples per generation."""
    schedule = Schedule(policy, 8, 4, 5, len(rows))
    assert [str(row) for row in schedule] == ["8 real", *rows]


@pytest.mark.parametrize("policy", ALL, ids=repr)
@pytest.mark.parametrize("counts", COUNTS)
def test_every_schedule(policy: Policy, counts: tuple[int, int, int]) -> None:
    """Causal: only what exists by then. Monotone: what a row leaves out never comes back."""
    schedule = Schedule(policy, *counts, 25)
    sizes = {REAL: counts[0]}
    dropped: set[Pool] = set()
    assert schedule[0].uses[0].pool == REAL and schedule[0].size == counts[0]
    for generation, row in enumerate(schedule):
        assert row.generation == generation
        for use in row.uses:
            if use.pool.kind != "real":
                assert 1 <= use.pool.born <= generation
                made = row.synthesise if use.pool.kind == "synthetic" else row.fresh
                sizes.setdefault(use.pool, made)
                if use.pool.born == generation:
                    assert made == sizes[use.pool]
            assert 0 < use.take <= sizes[use.pool] and use.weight > 0
        used = {use.pool for use in row.uses}
        assert len(used) == len(row.uses), "a pool is named once"
        assert not used & dropped
        dropped |= sizes.keys() - used
        assert row.size == (row.budget or sum(use.take for use in row.uses)) > 0


@pytest.mark.parametrize("policy", ALL, ids=repr)
@pytest.mark.parametrize("counts", COUNTS)
def test_no_row_has_a_flaw(policy: Policy, counts: tuple[int, int, int]) -> None:
    """The planner asks this of installed policies only."""
    rows = Schedule(policy, *counts, 25)
    assert not [text for pair in itertools.pairwise(rows) if (text := flaw(*pair))]


_SYNTHETIC = made(1, 3, 4)[0]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (Row(4, 4, 0, (Use(REAL, 8), *made(1, 4, 4))), None),
        (Row(4, 4, 0, (Use(REAL, 5), *made(2, 4, 3))), None),
        (Row(4, 0, 6, (Use(Pool("fresh", 4), 6),)), None),
        (Row(5, 4, 0, made(5, 5, 4)), "generation 4 says that it is of generation 5"),
        (Row(4, 4, 0, (Use(REAL, 9),)), "9 samples of real, of which generation 3 did not use"),
        (Row(4, 4, 0, made(1, 4, 5)), "5 samples of synthetic[1], of which generation 3 did not"),
        (Row(4, 3, 0, made(4, 4, 4)), "4 samples of synthetic[4], of which fewer are drawn"),
        (Row(4, 4, 0, made(4, 5, 4)), "synthetic[5], which is not born yet"),
        (Row(4, 4, 6, (Use(Pool("fresh", 3), 6),)), "fresh[3], of which generation 3 did not"),
        (Row(4, -4, 0, (Use(REAL, 8),)), "negative"),
        (Row(4, 4, 0, (Use(REAL, 8, math.nan),)), "makes no sense"),
        (Row(4, 4, 0, (Use(REAL, -1),)), "makes no sense"),
    ],
)
def test_a_flaw_is_named(row: Row, words: str | None) -> None:
    """Generation 3 was fitted on 8 real samples and 4 of each model so far."""
    found = flaw(Row(3, 4, 0, (Use(REAL, 8), _SYNTHETIC)), row)
    assert found is None if words is None else found is not None and words in found


def test_a_pool_that_was_dropped_is_gone() -> None:
    """Whatever its neighbours are: a hole in a run is a flaw as well."""
    before = Row(3, 4, 0, (*made(1, 1, 4), *made(3, 3, 4)))
    assert flaw(before, Row(4, 4, 0, (*made(1, 1, 4), *made(3, 4, 4)))) is None
    found = flaw(before, Row(4, 4, 0, made(1, 4, 4)))
    assert found is not None and "synthetic[2], of which generation 3 did not use so many" in found


@pytest.mark.parametrize("policy", ALL, ids=repr)
def test_prefixes_shrink(policy: Policy) -> None:
    """A later row never takes more of an old pool than an earlier row did."""
    schedule = Schedule(policy, 9, 6, 3, 20)
    for before, after in itertools.pairwise(schedule):
        takes = {use.pool: use.take for use in before.uses}
        assert all(use.take <= takes.get(use.pool, use.take) for use in after.uses)


@pytest.mark.parametrize("policy", ALL, ids=repr)
def test_rows_do_not_depend_on_the_horizon(policy: Policy) -> None:
    short, long = (Schedule(policy, 9, 6, 3, last) for last in (5, 50))
    assert [short[g] for g in range(20)] == [long[g] for g in range(20)]
    assert list(short) == list(long)[:6] and len(short) == 6


@pytest.mark.parametrize("policy", ALL, ids=repr)
@pytest.mark.parametrize("counts", COUNTS)
def test_runs_are_the_pools_in_the_fewest_uses(
    policy: Policy, counts: tuple[int, int, int]
) -> None:
    """And what a row adds to the one before is told from the runs as from the pools."""
    for before, row in itertools.pairwise(Schedule(policy, *counts, 20)):
        assert row.pools == len(row.uses)
        for one, other in itertools.pairwise(row.runs):
            alike = (one.pool.kind, one.take, one.weight) == (
                other.pool.kind,
                other.take,
                other.weight,
            )
            assert not alike or other.pool.born != one.last + 1
        for earlier, later in ((before, row), (row, before), (row, row)):
            expected = None
            if later.uses[: earlier.pools] == earlier.uses:
                expected = later.uses[earlier.pools :]
            new = later.beyond(earlier)
            assert (new if new is None else Row(0, 0, 0, new).uses) == expected


def test_rows_cost_the_same_in_every_generation() -> None:
    """A long run of accumulate is planned in a time that grows with its length, not its square."""
    assert len(Accumulate().row(10**9, 10, 10, 0).runs) == 2
    assert len(Window(size=10**6).row(10**9, 10, 10, 0).runs) == 1


def test_a_schedule_reads_like_a_list() -> None:
    schedule = Schedule(Replace(), 5, 5, 0, 3)
    assert len(schedule) == 4 and schedule[2] == list(schedule)[2]
    with pytest.raises(IndexError):
        schedule[-1]


def test_a_growing_number_stays_within_limits() -> None:
    """A law may name any number; a row never asks for none, or for more than 10^9."""
    assert Grow(law="geometric", rate=100.0).row(5000, 9, 9, 0).size == 10**9
    assert Grow(law="geometric", rate=0.01).row(5000, 9, 9, 0).size == 1


@pytest.mark.parametrize("counts", [(10, 10), (1, 10), (30, 10)])
def test_the_optimal_weight_has_the_least_error(counts: tuple[int, int]) -> None:
    """He et al.: the limit ``(w^2 + k (1 - w)^2) / (w (2 - w))`` is least there, and equals w."""
    fresh, synthetic = counts
    uses = WeightedFresh().row(3, 5, synthetic, fresh).uses
    shares = {use.pool.kind: use.take * use.weight / (fresh + synthetic) for use in uses}
    best, k = shares["fresh"], fresh / synthetic
    assert shares["fresh"] + shares["synthetic"] == pytest.approx(1, abs=1e-14)

    def limit(w: float) -> float:
        return (w**2 + k * (1 - w) ** 2) / (w * (2 - w))

    assert limit(best) == pytest.approx(best, abs=1e-14)
    assert min(limit(best - 1e-3), limit(best + 1e-3)) > limit(best)
    assert counts != (10, 10) or best == pytest.approx((5**0.5 - 1) / 2, abs=1e-15)
