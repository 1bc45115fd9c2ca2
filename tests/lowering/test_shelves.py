"""Training sets are rows of pools: what is taken equals plain concatenation, nothing is copied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from recurse.lowering.shelves import Shelves, Stretch, TrainingSet
from recurse.lowering.supervisor import Alone
from recurse.numerics.arrays import Batch
from recurse.numerics.streams import Streams
from recurse.policies.accumulate import Accumulate
from recurse.schedule import REAL, Pool, Row, Use
from recurse.store.shelf import Shelf

SEEDS = (3, 0, 7)
R = len(SEEDS)


class Stored(Alone):
    """Keeps pools on disk, as a worker does."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.shelf = Shelf(folder, "block")
        self.asked: set[str] = set()

    def put(self, pool: str, fields: Any) -> Any:
        name = self.shelf.put(pool, fields)
        return name, self.shelf.get(name)

    def get(self, name: str) -> Any:
        return self.shelf.get(name)

    def needed(self, names: Any) -> None:
        self.asked = set(names)


def batch(seed: int, n: int, weighed: bool = False) -> Batch:
    generator = np.random.default_rng(seed)
    fields = {
        "x": generator.standard_normal((R, n, 2, 3)).astype(np.float32),
        "label": generator.integers(0, 9, (R, n)),
    }
    weight = generator.gamma(1.0, size=(R, n)) if weighed else None
    return Batch(fields, weight)


USES = (Use(REAL, 5), Use(Pool("synthetic", 1), 7, 2.0), Use(Pool("fresh", 1), 4, 0.5))
ROWS = {
    "plain": Row(1, 7, 4, tuple(use._replace(weight=1.0) for use in USES)),
    "one weight": Row(1, 7, 4, tuple(use._replace(weight=3.0) for use in USES)),
    "weights": Row(1, 7, 4, USES),
    "budget": Row(1, 7, 4, tuple(use._replace(weight=1.0) for use in USES), 9),
    "weighed budget": Row(1, 7, 4, USES, 9),
    "replacement": Row(1, 7, 4, USES, 40, True),
    "in part": Row(1, 7, 4, (Use(REAL, 2), Use(Pool("synthetic", 1), 3, 2.0))),
}


def plain(
    row: Row, pools: dict[Pool, Batch]
) -> tuple[dict[str, NDArray[Any]], NDArray[np.float64]]:
    """What a row names by concatenation, and what each sample weighs; before a budget."""
    fields, weights = {}, []
    for name in ("x", "label"):
        parts = [pools[use.pool].fields[name][:, : use.take] for use in row.uses]
        fields[name] = np.concatenate(parts, axis=1)
    for use in row.uses:
        own = pools[use.pool].weight
        held = np.ones((R, use.take)) if own is None else own[:, : use.take]
        weights.append(use.weight * held)
    return fields, np.concatenate(weights, axis=1)


@pytest.mark.parametrize("weighed", [False, True])
@pytest.mark.parametrize("case", ROWS)
def test_what_is_taken_equals_plain_concatenation(case: str, weighed: bool, tmp_path: Path) -> None:
    """Weights are the row's times the pool's, and 1 on average over what a replicate sees."""
    row, streams = ROWS[case], Streams(SEEDS)
    pools = {use.pool: batch(i, 7, weighed) for i, use in enumerate(USES)}
    shelves = Shelves(streams, Stored(tmp_path))
    for pool, value in pools.items():
        shelves.add(pool, value)
    found = shelves.gather(row)
    assert found.size == row.size
    places = np.stack([np.random.default_rng(9).permutation(row.size) for _ in range(R)])
    taken = found.take(places[None].copy())
    fields, weights = plain(row, pools)
    seen = np.broadcast_to(np.arange(row.pooled), (R, row.pooled))
    if row.budget is not None:
        seen = shelves.gather(row)._picks  # which ones is looked at below
        assert seen is not None and seen.shape == (R, row.budget)
    at = np.take_along_axis(seen, places, axis=1)
    for name, values in fields.items():
        assert taken[name].dtype == values.dtype
        np.testing.assert_array_equal(taken[name][0], values[np.arange(R)[:, None], at])
    uneven = weighed or any(use.weight != 1.0 for use in row.uses)
    assert ("weight" in taken) == uneven
    if uneven:
        held = np.take_along_axis(weights, at, axis=1)
        expected = held / np.take_along_axis(weights, seen, axis=1).mean(axis=1, keepdims=True)
        assert taken["weight"].dtype == np.float32
        np.testing.assert_allclose(taken["weight"][0], expected, rtol=1e-6)
        np.testing.assert_allclose(taken["weight"][0].mean(axis=1), 1.0, rtol=1e-5)


def test_a_budget_is_drawn_for_each_replicate() -> None:
    shelves = Shelves(Streams(SEEDS), Alone())
    for i, use in enumerate(USES):
        shelves.add(use.pool, batch(i, 7))
    for case, again in (("budget", False), ("replacement", True)):
        picks = shelves.gather(ROWS[case])._picks
        assert picks is not None and picks.min() >= 0 and picks.max() < 16
        assert all((len(np.unique(each)) < len(each)) == again for each in picks)
        assert not np.array_equal(picks[0], picks[1])
        other = Shelves(Streams(SEEDS[::-1]), Alone())
        for i, use in enumerate(USES):
            other.add(use.pool, batch(i, 7))
        np.testing.assert_array_equal(other.gather(ROWS[case])._picks, picks[::-1])


def test_batches_of_several_steps_are_those_of_each() -> None:
    found = TrainingSet(
        [Stretch({f"fields/{k}": v for k, v in batch(i, 7).fields.items()}, size, 1.0)
         for i, size in enumerate((7, 3))], None,
    )  # fmt: skip
    places = np.random.default_rng(0).integers(0, 10, (4, R, 6))
    whole = found.take(places)
    for step in range(4):
        for name, values in found.take(places[step : step + 1]).items():
            np.testing.assert_array_equal(values[0], whole[name][step])


def test_a_replicate_whose_samples_all_weigh_nothing_breaks_alone() -> None:
    """Its weights are not numbers, so that its loss is none; no warning disturbs the run."""
    own = batch(0, 7, True)
    assert own.weight is not None
    own.weight[1] = 0.0
    shelves = Shelves(Streams(SEEDS), Alone())
    shelves.add(REAL, own)
    row = Row(0, 0, 0, (Use(REAL, 7),))
    places = np.broadcast_to(np.arange(7), (1, R, 7))
    weight = shelves.gather(row).take(places)["weight"][0]
    assert np.isnan(weight[1]).all() and np.isfinite(weight[[0, 2]]).all()


def test_accumulating_copies_nothing(tmp_path: Path) -> None:
    """Pools are memory maps, the same ones in every generation."""
    stored = Stored(tmp_path)
    shelves, policy = Shelves(Streams(SEEDS), stored), Accumulate()
    shelves.add(REAL, batch(0, 7))
    held: list[Any] = []
    for generation in range(1, 5):
        shelves.add(Pool("synthetic", generation), batch(generation, 7))
        data = shelves.gather(policy.row(generation, 7, 7, 0))
        pools = [stretch.pool["fields/x"] for stretch in data._stretches]
        assert len(pools) == generation + 1
        assert all(isinstance(pool, np.memmap) and not pool.flags.writeable for pool in pools)
        assert all(a is b for a, b in zip(held, pools, strict=False))
        assert data._weights is None
        held = pools
        shelves.forget(policy.row(generation + 1, 7, 7, 0))
    assert len(stored.shelf.names()) == 5


def test_pools_that_no_later_row_uses_are_let_go_and_the_others_found_again(
    tmp_path: Path,
) -> None:
    stored = Stored(tmp_path)
    shelves = Shelves(Streams(SEEDS), stored)
    for i, use in enumerate(USES):
        shelves.add(use.pool, batch(i, 7))
    following = Row(2, 7, 0, (Use(REAL, 5), Use(Pool("synthetic", 2), 7)))
    shelves.forget(following)
    assert {name.rpartition("-")[0] for name in stored.asked} == {"real-0"}
    packed = shelves.pack()
    assert {k: v.dtype for k, v in packed.items()} == {"real/0": np.dtype(np.uint8)}
    again = Shelves(Streams(SEEDS), stored)
    again.unpack(packed)
    assert again.resume(ROWS["plain"], following)
    row = Row(2, 7, 0, (Use(REAL, 5),))
    places = np.broadcast_to(np.arange(5), (1, R, 5))
    np.testing.assert_array_equal(
        again.gather(row).take(places)["x"][0], batch(0, 7).fields["x"][:, :5]
    )
    # A longer run may need what a shorter one let go, and a pool may be damaged.
    assert not again.resume(ROWS["plain"], Row(2, 7, 0, (Use(REAL, 5), Use(Pool("fresh", 1), 4))))
    (path,) = tmp_path.glob("block/real-*/fields.x.npy")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    hurt = Shelves(Streams(SEEDS), stored)
    hurt.unpack(packed)
    assert not hurt.resume(ROWS["plain"], following)
