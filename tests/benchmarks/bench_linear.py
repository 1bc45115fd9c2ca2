"""Linear regression on statistics in the loop against sample-level NumPy.

d = 10, n = 100, 100 generations, 1000 replicates, reused design. ``python -m
tests.benchmarks.bench_linear``; ratios of one run, one thread. The per-replicate loop is timed on
20 replicates and scaled. Our side is the whole loop: draws, fits, metrics, commits in memory. Then
d = 100, n = 1000, 100 replicates, accumulate, against the vectorised script alone.
"""

# ruff: noqa: E402
from __future__ import annotations

from tests.benchmarks.clock import one_thread, race, table

one_thread()

from collections.abc import Callable
from functools import partial

import numpy as np

from recurse.backend import backends
from recurse.metrics.excess_risk import ExcessRisk
from recurse.policies import Policy
from recurse.policies.accumulate import Accumulate
from recurse.policies.replace import Replace
from recurse.scenario.scenario import Samples
from recurse.sources.linear_regression import LinearRegression
from tests.closed_arms import least_squares
from tests.harness import change, simulate

DIM, N, GENERATIONS, REPLICATES, TIMED = 10, 100, 100, 1000, 20
Size = tuple[int, int, int]
SMALL: Size = (DIM, N, REPLICATES)
LARGE: Size = (100, 1000, 100)


def loop(accumulate: bool, generations: int = GENERATIONS) -> float:
    """One replicate after another, as the papers' code does."""
    for seed in range(TIMED):
        rng = np.random.default_rng(seed)
        star, x = rng.normal(size=DIM), rng.normal(size=(N, DIM))
        design, labels, coef = x, x @ star + rng.normal(size=N), star
        risk = []
        for generation in range(generations + 1):
            if generation:
                y = x @ coef + rng.normal(size=N)
                if accumulate:
                    design, labels = np.vstack([design, x]), np.concatenate([labels, y])
                else:
                    labels = y
            coef = np.asarray(np.linalg.lstsq(design, labels, rcond=None)[0], np.float64)
            risk.append(np.sum((coef - star) ** 2))
    return REPLICATES / TIMED


def vectorised(accumulate: bool, size: Size = SMALL) -> float:
    """All replicates at once, sample by sample, statistics pooled, the Gram factor kept."""
    dim, n, replicates = size
    rng = np.random.default_rng(0)
    star, x = rng.normal(size=(replicates, dim)), rng.normal(size=(replicates, n, dim))
    inverse = np.linalg.inv(np.matmul(x.transpose(0, 2, 1), x))
    coef, moment = star, np.zeros((replicates, dim))
    for generation in range(GENERATIONS + 1):
        y = np.matmul(x, coef[..., None])[..., 0] + rng.standard_normal((replicates, n))
        new = np.matmul(x.transpose(0, 2, 1), y[..., None])[..., 0]
        moment = moment + new if accumulate else new
        pools = generation + 1 if accumulate else 1
        coef = np.matmul(inverse, moment[..., None])[..., 0] / pools
        np.sum((coef - star) ** 2, axis=1)
    return 1.0


def ours(backend: str, policy: Policy, size: Size = SMALL) -> float:
    dim, n, replicates = size
    arm = least_squares(
        policy,
        source=LinearRegression(dim=dim),
        samples=Samples(real=n, synthetic=n),
        generations=GENERATIONS,
        backend=backend,
        metrics=(ExcessRisk(),),
    )
    simulate(arm, replicates)
    return 1.0


def growth() -> None:
    """On samples, accumulating: seconds against generations; linear doubles."""
    arm = least_squares(Accumulate(), source=LinearRegression(dim=DIM), metrics=(ExcessRisk(),))
    spans = (50, 100, 200, 400)
    runners = {str(g): partial(_on_samples, change(arm, generations=g)) for g in spans}
    seconds = race(runners, 2)
    print("\naccumulate on samples, 50 replicates, seconds by generations:")
    print("  " + "  ".join(f"{g}: {spent:.3f}" for g, spent in seconds.items()))


def _on_samples(arm: object) -> float:
    simulate(arm, 50, exact=False)  # type: ignore[arg-type]
    return 1.0


def main() -> None:
    for policy, goal in ((Replace(), 30.0), (Accumulate(), 150.0)):
        pooled = policy.kind == "accumulate"
        runners: dict[str, Callable[[], float]] = {
            "loop": partial(loop, pooled),
            "vectorised": partial(vectorised, pooled),
        }
        runners |= {name: partial(ours, name, policy) for name in backends()}
        seconds = race(runners)
        table(f"linear {policy.kind}", seconds, {"loop": goal, "vectorised": 1.0})
    runners = {"vectorised": partial(vectorised, True, LARGE)}
    runners |= {name: partial(ours, name, Accumulate(), LARGE) for name in backends()}
    table("linear accumulate, d = 100, n = 1000", race(runners), {"vectorised": 5.0})
    growth()


if __name__ == "__main__":
    main()
