"""A second family that remembers its samples, and one more that relabels, are a class each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import pytest

from recurse.backend import backends
from recurse.families.roles import Relabelling, Remembering
from recurse.lowering.decision import decide
from recurse.metrics.second_moment import SecondMoment
from recurse.numerics.arrays import Array, Arrays
from recurse.numerics.streams import Draw, Normal, Uniform
from recurse.policies.accumulate import Accumulate
from recurse.policies.accumulate_subsample import AccumulateSubsample
from recurse.policies.replace import Replace
from recurse.schedule import REAL
from recurse.sources import Source
from recurse.sources.function import Function
from tests.closed_arms import normal
from tests.harness import change, operations, simulate
from tests.kernel_arms import distilled


class Resampler(Remembering[Source]):
    """The bootstrap: a model is its training set, and draws from it with replacement."""

    kind: Literal["resampler"] = "resampler"
    needs: ClassVar[tuple[str, ...]] = ("x",)
    parameters: ClassVar[tuple[str, ...]] = ("second_moment",)

    def statistics(self, xp: Any, batch: Arrays, weights: Array) -> dict[str, Array]:
        square = xp.sum(weights * xp.sum(batch["x"] ** 2, axis=2), axis=1)
        return {"count": xp.sum(weights, axis=1), "square": square}

    def merge(self, xp: Any, left: Arrays, right: Arrays) -> dict[str, Array]:
        return {name: left[name] + right[name] for name in left}

    def estimate(self, xp: Any, statistics: Arrays) -> dict[str, Array]:
        return {"second_moment": statistics["square"] / statistics["count"]}

    def noise(self, source: Source, n: int) -> Mapping[str, Draw]:
        return {"pick": Uniform((n,))}

    def sample(
        self, xp: Any, source: Source, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        return {"x": design["x"]}


class Memory(Relabelling[Function]):
    """Of each input of the design the mean label; it labels the design again, with noise."""

    kind: Literal["memory"] = "memory"
    needs: ClassVar[tuple[str, ...]] = ("x", "y")

    def shared(self, source: Function) -> tuple[str, ...]:
        return ("x",)

    def fixed(self, xp: Any, design: Arrays) -> dict[str, Array]:
        return {}

    def label_sums(self, xp: Any, batch: Arrays, weights: Array, n: int) -> dict[str, Array]:
        rows = (weights.shape[0], -1, n)
        y = xp.sum(xp.reshape(weights * batch["y"], rows), axis=1)
        return {"y": y, "weight": xp.sum(xp.reshape(weights, rows), axis=1)}

    def merge(self, xp: Any, left: Arrays, right: Arrays) -> dict[str, Array]:
        return {name: left[name] + right[name] for name in left}

    def estimate(self, xp: Any, statistics: Arrays) -> dict[str, Array]:
        return {"label": statistics["y"] / statistics["weight"]}

    def noise(self, source: Function, n: int) -> Mapping[str, Draw]:
        return {"e": Normal((n,))}

    def sample(
        self, xp: Any, source: Function, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        return {"x": design["x"], "y": params["label"] + source.noise * noise["e"]}


@pytest.mark.parametrize("backend", backends())
@pytest.mark.parametrize("policy", [Replace(), Accumulate(), AccumulateSubsample()], ids=repr)
def test_a_family_that_remembers(policy: Any, backend: str) -> None:
    """Nothing but real samples is ever drawn; a resumed block ends with the same bits."""
    arm = normal(policy, generations=4, backend=backend)
    arm = change(arm, model=Resampler(), metrics=(SecondMoment(),))
    assert decide(arm).lowering == "samples" and decide(arm).keeps_samples
    ops: Any = operations(arm, range(3))
    pools: list[Any] = []
    add = ops.pools.add
    ops.pools.add = lambda pool, value: (pools.append(value[0].fields["x"]), add(pool, value))
    whole = simulate(arm, 3, ops=ops, keep=[2])
    real, *made = pools
    for x in made:
        for r in range(3):
            assert {tuple(row) for row in x[r]} <= {tuple(row) for row in real[r]}
    rest = simulate(arm, 3, start=whole.saved[2])
    assert np.array_equal(rest["second_moment"], whole["second_moment"][3:])
    first = (real**2).sum(axis=2).mean(axis=1)
    np.testing.assert_allclose(whole["second_moment"][0], first, rtol=1e-12)


@pytest.mark.parametrize("backend", backends())
def test_a_family_that_relabels(backend: str) -> None:
    """Sums of labels stand for the samples: the mean label of each input, by hand."""
    arm = change(distilled(Accumulate()), model=Memory(), backend=backend)
    assert not decide(arm).keeps_samples and not decide(arm).anew
    ops: Any = operations(arm, range(2))
    n, schedule = arm.samples.real, arm.schedule
    drawn = arm.source.draw(ops._streams, 0, "real", n)
    ops.pools.add(REAL, ops.real(n))
    params, _ = ops.fit(0, ops.pools.gather(schedule[0]), None)
    host = {name: np.asarray(ops._runtime.host(values)) for name, values in params.items()}
    np.testing.assert_allclose(host["label"], drawn["y"], rtol=1e-12)
    pool, _ = ops.synthesise(1, params, n)
    ops.pools.add(next(use.pool for use in schedule[1].uses if use.pool != REAL), pool)
    params, _ = ops.fit(1, ops.pools.gather(schedule[1]), params)
    noise = ops._streams.draws(1, "synthetic", Memory().noise(arm.source, n))["e"]
    expected = drawn["y"] + 0.5 * arm.source.noise * noise
    np.testing.assert_allclose(ops._runtime.host(params["label"]), expected, rtol=1e-12)
