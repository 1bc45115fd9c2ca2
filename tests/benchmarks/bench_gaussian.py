"""Gaussian d = 10, n = 10 000, 500 replicates: statistics in the loop against sample-level NumPy.

100 generations of replace; 20 of accumulate, whose loop would not end otherwise.

``python -m tests.benchmarks.bench_gaussian``; ratios of one run, one thread. The per-replicate loop
is timed on 2 replicates, the vectorised script on 10 at once, and scaled. Then the cost of a
generation at n from 10^2 to 10^8.
"""

# ruff: noqa: E402
from __future__ import annotations

from tests.benchmarks.clock import one_thread, race, table

one_thread()

from collections.abc import Callable
from functools import partial

import numpy as np

from recurse.backend import backends
from recurse.metrics.mean_error import MeanError
from recurse.metrics.variance_ratio import VarianceRatio
from recurse.policies import Policy
from recurse.policies.accumulate import Accumulate
from recurse.policies.replace import Replace
from recurse.scenario.scenario import Samples
from recurse.sources.gaussian import GaussianSource
from tests.closed_arms import normal
from tests.harness import simulate

DIM, N, REPLICATES = 10, 10_000, 500
LOOPED, TOGETHER = 2, 10
GENERATIONS = {False: 100, True: 20}


def loop(accumulate: bool) -> float:
    """One replicate after another; accumulating keeps every sample."""
    for seed in range(LOOPED):
        rng = np.random.default_rng(seed)
        data = rng.normal(size=(N, DIM))
        mean, covariance = np.zeros(DIM), np.eye(DIM)
        for generation in range(GENERATIONS[accumulate] + 1):
            if generation:
                new = rng.multivariate_normal(mean, covariance, N, method="cholesky")
                data = np.vstack([data, new]) if accumulate else new
            mean, covariance = data.mean(axis=0), np.cov(data.T, bias=True)
            np.sum(mean**2), np.trace(covariance)
    return REPLICATES / LOOPED


def vectorised(accumulate: bool) -> float:
    """All replicates at once, sample by sample, pooled by their sums."""
    rng = np.random.default_rng(0)
    first, second, count = np.zeros((TOGETHER, DIM)), np.zeros((TOGETHER, DIM, DIM)), 0
    mean, root = first, np.broadcast_to(np.eye(DIM), (TOGETHER, DIM, DIM))
    for _ in range(GENERATIONS[accumulate] + 1):
        z = rng.standard_normal((TOGETHER, N, DIM))
        x = np.matmul(z, root.transpose(0, 2, 1)) + mean[:, None]
        sums = x.sum(axis=1), np.matmul(x.transpose(0, 2, 1), x)
        if accumulate:
            first, second, count = first + sums[0], second + sums[1], count + N
        else:
            first, second, count = *sums, N
        mean = first / count
        covariance = second / count - mean[..., None] * mean[:, None]
        root = np.linalg.cholesky(covariance)
        np.sum(mean**2, axis=1), np.trace(covariance, axis1=1, axis2=2)
    return REPLICATES / TOGETHER


def ours(backend: str, policy: Policy, n: int = N) -> float:
    arm = normal(
        policy,
        source=GaussianSource(dim=DIM),
        samples=Samples(real=n, synthetic=n),
        generations=GENERATIONS[policy.kind == "accumulate"],
        backend=backend,
        metrics=(MeanError(), VarianceRatio()),
    )
    simulate(arm, REPLICATES)
    return 1.0


def main() -> None:
    for policy in (Replace(), Accumulate()):
        pooled = policy.kind == "accumulate"
        runners: dict[str, Callable[[], float]] = {
            "loop": partial(loop, pooled),
            "vectorised": partial(vectorised, pooled),
        }
        runners |= {name: partial(ours, name, policy) for name in backends()}
        seconds = race(runners)
        table(f"gaussian {policy.kind}", seconds, {"loop": 300.0, "vectorised": 10.0})
    sizes = (100, 10_000, 1_000_000, 100_000_000)
    spent = race({f"{n:.0e}": partial(ours, "numpy", Replace(), n) for n in sizes})
    print("\nstatistics, seconds by n: " + "  ".join(f"{n}: {s:.3f}" for n, s in spent.items()))


if __name__ == "__main__":
    main()
