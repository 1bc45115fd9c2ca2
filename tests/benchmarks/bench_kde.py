"""KDE, n = 100, 100 generations, 100 seeds, accumulate, against scikit-learn refitted on the pool.

``python -m tests.benchmarks.bench_kde``; ratios of one run, one thread; moons, bandwidth 0.1, 500
test points. scikit-learn is timed on 2 seeds and scaled. Then milliseconds per generation by the
number of generations (level: cost is linear), and the peak memory of a process that runs one seed
with 10^6 pooled points (goal: below 1 GiB).
"""

# ruff: noqa: E402
from __future__ import annotations

from tests.benchmarks.clock import one_thread, race, table

one_thread()

import subprocess
import sys
from collections.abc import Callable
from functools import partial

import numpy as np
from sklearn.datasets import make_moons
from sklearn.neighbors import KernelDensity

from recurse.backend import backends
from recurse.families.kde import Kde
from recurse.metrics.test_nll import HeldoutNll
from recurse.policies.accumulate import Accumulate
from recurse.scenario.scenario import Samples
from tests.harness import simulate
from tests.kde_arms import kernels

N, TEST, SEEDS, GENERATIONS, LOOPED = 100, 500, 100, 100, 2
SPANS = (50, 100, 200, 400)


def loop() -> float:
    """One seed after another, each fit on all samples so far."""
    for seed in range(LOOPED):
        data = make_moons(N, noise=0.05, random_state=seed)[0]
        test = make_moons(TEST, noise=0.05, random_state=1000 + seed)[0]
        for generation in range(GENERATIONS + 1):
            model = KernelDensity(bandwidth=0.1).fit(data)
            model.score(test)
            data = np.vstack([data, model.sample(N, random_state=generation)])
    return SEEDS / LOOPED


def ours(backend: str, generations: int = GENERATIONS, n: int = N, seeds: int = SEEDS) -> float:
    arm = kernels(
        Accumulate(),
        model=Kde(bandwidth=0.1),
        samples=Samples(real=n, synthetic=n),
        generations=generations,
        backend=backend,
        metrics=(HeldoutNll(heldout=TEST),),
    )
    simulate(arm, seeds)
    return 1.0


def main() -> None:
    runners: dict[str, Callable[[], float]] = {"scikit-learn": loop}
    runners |= {name: partial(ours, name) for name in backends()}
    table("kde accumulate", race(runners, rounds=2), {"scikit-learn": 50.0})
    for name in backends():
        growth(name)
        memory(name)


def growth(backend: str) -> None:
    spent = race({str(g): partial(ours, backend, g) for g in SPANS}, rounds=2)
    each = "  ".join(f"{g}: {1e3 * s / int(g):.1f}" for g, s in spent.items())
    print(f"\n{backend}, milliseconds per generation by generations: {each}")


def memory(backend: str) -> None:
    """In a process of its own, whose peak is that of its imports (no generation) or of the run."""
    peaks = []
    for generations, n in ((0, 100), (9, 100_000)):
        code = f"from {__spec__.name} import *; ours({backend!r}, {generations}, {n}, 1); "
        code += "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        peaks.append(int(told.stdout) >> 10)
    print(f"{backend}, peak memory: {peaks[0]} MiB idle, {peaks[1]} MiB with 10^6 pooled points")


if __name__ == "__main__":
    main()
