"""Flow matching's exact coupling: the pairs whose squared distances sum to the least."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from recurse.families.flow_matching import FlowMatching, nearest
from recurse.numerics.streams import Streams
from recurse.sources.moons import Moons


def test_pairs_are_those_of_all_permutations() -> None:
    generator = np.random.default_rng(4)
    for _ in range(5):
        noise, data = generator.standard_normal((2, 6, 3, 1)).astype(np.float32)
        order = nearest(noise, data)
        assert sorted(order.tolist()) == list(range(6))
        costs = {p: ((noise[list(p)] - data) ** 2).sum() for p in permutations(range(6))}
        np.testing.assert_allclose(costs[tuple(order.tolist())], min(costs.values()), rtol=1e-6)


def test_a_prepared_batch_has_noise_of_its_own_for_every_replicate() -> None:
    """Scaled data are what is paired; data stay as they are."""
    family = FlowMatching(coupling="exact", shift=3.0, scale=2.0)
    x = np.random.default_rng(1).standard_normal((2, 3, 7, 2)).astype(np.float32) + 3.0
    streams = Streams((4, 5, 6))
    found = family.prepared(streams.generators(1, "p"), {"x": x})
    assert found["x"] is x and found["noise"].shape == x.shape
    assert found["noise"].dtype == np.float32
    again = family.prepared(Streams((6, 4)).generators(1, "p"), {"x": x[:, [2, 0]]})
    np.testing.assert_array_equal(again["noise"], found["noise"][:, [2, 0]])
    for step in range(2):
        for r in range(3):
            own, scaled = found["noise"][step, r], (x[step, r] - 3.0) / 2.0
            assert nearest(own, scaled).tolist() == list(range(7))
    plain = FlowMatching()
    assert plain.prepared(streams.generators(1, "p"), {"x": x}) == {"x": x}
    assert "noise" not in family.noise(Moons()) and "noise" in plain.noise(Moons())
