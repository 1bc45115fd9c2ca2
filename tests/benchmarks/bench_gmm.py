"""EM of all replicates at once against scikit-learn's GaussianMixture, one fit after another.

``python -m tests.benchmarks.bench_gmm``; ratios of one run, scikit-learn's default tolerance and
iterations. 2 components, n = 100, 100 generations, 20 seeds (scikit-learn is timed on 2 seeds and
scaled); 8 components on a ring, n = 1000, 5 generations, 64 seeds (on 3).

Our side has one thread. Scikit-learn is timed as a user starts it, with as many threads as there
are processors, and with one: on fits this small its threads wait for each other, and the smaller
ones take five times as long with two.
"""

# ruff: noqa: E402
from __future__ import annotations

from tests.benchmarks.clock import one_thread, race, table

one_thread()

import os
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from recurse.backend import backends
from recurse.families.gmm import Gmm
from recurse.metrics.second_moment import SecondMoment
from recurse.numerics.streams import Streams
from recurse.policies.replace import Replace
from recurse.scenario.scenario import Samples
from recurse.sources.mixture import Mixture
from tests.gmm_arms import PAIR, clusters
from tests.harness import simulate

SHAPES = {
    "2 components, n = 100": (PAIR, 2, 100, 100, 20, 2),
    "8 components, n = 1000": (Mixture(), 8, 1000, 5, 64, 3),
}


def loop(source: Mixture, k: int, n: int, generations: int, seeds: int, looped: int) -> float:
    """One seed after another."""
    for seed in range(looped):
        data = source.draw(Streams((seed,)), 0, "real", n)["x"][0]
        for generation in range(generations + 1):
            model = GaussianMixture(k, random_state=generation).fit(data)
            data = model.sample(n)[0]
    return seeds / looped


def started(*shape: Any) -> float:
    """The loop with the threads that it has if nobody says how many."""
    with threadpool_limits(os.cpu_count()):
        return loop(*shape)


def ours(
    backend: str, source: Mixture, k: int, n: int, generations: int, seeds: int, looped: int
) -> float:
    arm = clusters(
        Replace(),
        source=source,
        model=Gmm(components=k),
        samples=Samples(real=n, synthetic=n),
        generations=generations,
        backend=backend,
        metrics=(SecondMoment(),),
    )
    simulate(arm, seeds)
    return 1.0


def main() -> None:
    warnings.simplefilter("ignore", ConvergenceWarning)
    for name, shape in SHAPES.items():
        runners: dict[str, Callable[[], float]] = {
            "scikit-learn": partial(started, *shape),
            "its loop on one thread": partial(loop, *shape),
        }
        runners |= {backend: partial(ours, backend, *shape) for backend in backends()}
        table(name, race(runners, rounds=2), {"scikit-learn": 20.0, "its loop on one thread": 8.0})


if __name__ == "__main__":
    main()
