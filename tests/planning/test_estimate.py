"""Estimates of time: what they grow with. Benchmarks and `recurse probe` hold them to clocks."""

from __future__ import annotations

from typing import Any

import pytest

from recurse.planning.planner import plan
from recurse.scenario.scenario import load

SPEC: dict[str, Any] = {
    "version": 1,
    "name": "cost",
    "source": {"kind": "gaussian", "dim": 4},
    "model": "gaussian",
    "policy": "replace",
    "samples": {"real": 400, "synthetic": 400},
    "generations": 20,
    "seeds": 1,
    "backend": "numpy",
    "metrics": ["mean_error"],
}
GRID = {"kind": "mixture", "form": "grid"}


def test_held_out_data_take_memory() -> None:
    """100,000 points in four dimensions are 3.2 MB, and more than one copy is made."""
    few, many = (
        plan(load({**SPEC, "metrics": [{"kind": "test_nll", "heldout": n}]})).arms[0].cost.bytes
        for n in (100, 100_000)
    )
    assert many - few >= 2 * 8 * 4 * 99_900


def bytes_of(**fields: Any) -> int:
    """For one replicate."""
    return plan(load({**SPEC, **fields})).arms[0].cost.bytes


@pytest.mark.parametrize("metric", ["mode_coverage", "mode_kl"])
def test_distances_to_all_modes_take_memory(metric: str) -> None:
    """Of 5000 samples to 25 modes in the plane: 2 MB, and their squares as much."""
    few, many = (
        bytes_of(source=GRID, model="gmm", metrics=[{"kind": metric, "samples": n}])
        for n in (50, 5000)
    )
    assert many - few >= 2 * 8 * 4950 * 25 * 2


def test_the_grid_of_a_likelihood_takes_memory() -> None:
    """64 centers by 10,000 samples: 5 MB, more than once; a block has at most a GiB."""
    source = {"kind": "mixture", "form": "given", "means": [[-1.0], [1.0]]}
    counts = {"real": 10_000, "synthetic": 10_000}
    fields = {"source": source, "samples": counts, "metrics": ["second_moment"]}
    joint = bytes_of(model="symmetric_gmm", **fields)
    assert joint >= 2 * 8 * 64 * 10_000
    plain = bytes_of(model={"kind": "symmetric_gmm", "estimator": "approximate"}, **fields)
    assert plain < joint / 10
    (block, *_) = plan(load({**SPEC, **fields, "model": "symmetric_gmm", "seeds": 5000})).blocks
    assert len(block.seeds) * joint <= 1 << 30


def seconds(**fields: Any) -> float:
    """For one replicate and generation, on average."""
    (arm,) = plan(load({**SPEC, **fields})).arms
    return arm.cost.seconds / (arm.arm.generations + 1)


def kde(bandwidth: Any, heldout: int = 1000, **fields: Any) -> float:
    model = {"kind": "kde", "bandwidth": bandwidth}
    metrics = [{"kind": "test_nll", "heldout": heldout}]
    return seconds(source=GRID, model=model, metrics=metrics, **fields)


def gmm(**model: Any) -> float:
    return seconds(source=GRID, model={"kind": "gmm", **model}, metrics=["second_moment"])


def test_statistics_cost_the_same_for_any_number_of_samples() -> None:
    many = {"real": 400_000, "synthetic": 400_000}
    assert seconds(samples=many) == seconds() < 1e-5
    assert seconds(samples=many, corrector={"kind": "oracle", "gamma": 1.0}) > 1e-3


def test_steps_of_a_mixture_look_at_every_sample_and_component() -> None:
    """Orders of magnitude above a fit in closed form to the same samples."""
    assert gmm(components=25) > 300 * seconds(source={"kind": "gaussian", "dim": 2})
    few, some, many = (gmm(components=n) for n in (4, 22, 40))
    assert many - some == pytest.approx(some - few, rel=0.05)
    assert gmm(components=25, restarts=3) == pytest.approx(3 * gmm(components=25), rel=0.05)
    assert gmm(components=25, iterations=3) < 0.3 * gmm(components=25)


def test_kernels_are_counted_at_every_held_out_point() -> None:
    assert kde(0.1) == pytest.approx(4 * kde(0.1, heldout=250), rel=0.05)
    assert kde(0.1) > 50 * seconds(
        source=GRID, model={"kind": "kde", "bandwidth": 0.1}, metrics=["second_moment"]
    )


def test_what_adds_up_is_looked_at_once() -> None:
    """A fixed bandwidth sums kernels of new samples, a rule those of all samples, every time."""
    assert kde(0.1, policy="accumulate") == pytest.approx(kde(0.1), rel=0.05)
    mean = sum(range(1, 22)) / 21
    assert kde("scott", policy="accumulate") == pytest.approx(mean * kde(0.1), rel=0.05)


def test_a_reused_design_is_solved_once() -> None:
    def linear(dim: int, design: str) -> float:
        source = {"kind": "linear_regression", "dim": dim, "design": design}
        return seconds(source=source, model="linear", metrics=["excess_risk"])

    assert 50 < linear(199, "fresh") / linear(19, "fresh") < 1100
    assert linear(199, "fresh") > 50 * linear(199, "reused")


def test_a_block_costs_what_its_replicates_do_and_its_calls() -> None:
    cost = plan(load(SPEC)).arms[0].cost
    assert cost.block(7) - cost.block(4) == pytest.approx(3 * cost.seconds)
    assert cost.block(1) > cost.seconds > 0


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"source": GRID, "metrics": ["test_nll"]},
        {"source": GRID, "model": "gmm", "metrics": ["second_moment"]},
        {"source": {"kind": "location"}, "model": {"kind": "laplace"}, "metrics": ["test_nll"]},
        {"source": "moons", "model": {"kind": "kde", "bandwidth": 0.1}, "metrics": ["test_nll"]},
    ],
)
def test_estimates_grow_with_every_part_of_the_work(fields: dict[str, Any]) -> None:
    """More generations, samples and subsampling never cost less."""

    def spent(**more: Any) -> float:
        return plan(load({**SPEC, **fields, **more})).arms[0].cost.block(10)

    usual = spent()
    assert spent(generations=40) > 1.5 * usual
    assert spent(samples={"real": 4000, "synthetic": 4000}) >= usual
    assert spent(policy="accumulate_subsample") >= usual


def test_a_median_looks_at_samples_in_order() -> None:
    """Sorting 8,000 numbers costs more than drawing them."""
    fields = {"source": {"kind": "location"}, "samples": {"real": 8000, "synthetic": 8000}}
    mean, median = (
        seconds(
            **fields, model={"kind": "location", "estimator": name}, metrics=["parameter_error"]
        )
        for name in ("mean", "median")
    )
    assert median > 20 * mean
