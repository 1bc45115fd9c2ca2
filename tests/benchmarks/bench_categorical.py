"""Symbols, K = 1000, n = 10^5, 100 generations, 100 replicates, replace, against plain NumPy.

``python -m tests.benchmarks.bench_categorical``; ratios of one run, one thread. The loop draws the
samples and counts them, as a user writes it, one replicate after another; it is timed on 2 and
scaled. The script of a careful user draws the counts of all replicates by one multinomial call per
generation. Our side is the whole loop: draws, fits, metrics, commits in memory. Truth: Zipf.

The careful script is the bound: it does nothing but draw 1000 binomials per replicate, some 90
microseconds of NumPy's generator, where the loop spends some 5 milliseconds. No exact sampler on
one thread is much further from the loop than that; 300 times is what 1000 normals alone take.
"""

# ruff: noqa: E402
from __future__ import annotations

from tests.benchmarks.clock import one_thread, race, table

one_thread()

from collections.abc import Callable
from functools import partial

import numpy as np

from recurse.backend import backends
from recurse.families.categorical import Categorical
from recurse.metrics.missing_mass import MissingMass
from recurse.policies.replace import Replace
from recurse.scenario.scenario import Arm, Samples
from recurse.sources.categorical import CategoricalSource
from tests.harness import simulate

SYMBOLS, N, GENERATIONS, REPLICATES, TIMED = 1000, 100_000, 100, 100, 2
SOURCE = CategoricalSource(form="zipf", symbols=SYMBOLS)


def loop() -> float:
    """One replicate after another, sample by sample."""
    for seed in range(TIMED):
        rng, p = np.random.default_rng(seed), SOURCE.p
        for _ in range(GENERATIONS + 1):
            p = np.bincount(rng.choice(SYMBOLS, size=N, p=p), minlength=SYMBOLS) / N
            SOURCE.p[p == 0].sum()
    return REPLICATES / TIMED


def multinomial() -> float:
    """All replicates at once by their counts."""
    rng, p = np.random.default_rng(0), np.broadcast_to(SOURCE.p, (REPLICATES, SYMBOLS))
    for _ in range(GENERATIONS + 1):
        p = rng.multinomial(N, p) / N
        np.where(p == 0, SOURCE.p, 0.0).sum(axis=1)
    return 1.0


def ours(backend: str) -> float:
    arm = Arm(
        source=SOURCE,
        model=Categorical(),
        policy=Replace(),
        samples=Samples(real=N, synthetic=N),
        generations=GENERATIONS,
        backend=backend,
        metrics=(MissingMass(),),
    )
    simulate(arm, REPLICATES)
    return 1.0


def main() -> None:
    runners: dict[str, Callable[[], float]] = {"loop": loop, "multinomial": multinomial}
    runners |= {name: partial(ours, name) for name in backends()}
    table("symbols, replace", race(runners), {"loop": 40.0, "multinomial": 0.7})


if __name__ == "__main__":
    main()
