"""Logistic regression of all replicates at once against scikit-learn's, one fit after another.

``python -m tests.benchmarks.bench_glm``; ratios of one run, one thread. Inputs are kept over 20
fits (Dey & Donoho's simulation), 5 coefficients and an intercept; 1000 replicates of n = 10,000 and
of n = 1000, in blocks of 250, about as the planner cuts them. Scikit-learn (lbfgs without penalty,
its own tolerance of 1e-4) is timed on 4 replicates and scaled; ours go on to 1e-12 or less. The
goal of 20x is not met at n = 10,000, where arithmetic and not the calls take the time: a fit is
three Newton steps in single precision and about two chord steps in double, then labels are drawn;
scikit-learn's is some seven iterations.
"""

# ruff: noqa: E402
from __future__ import annotations

from tests.benchmarks.clock import one_thread, race, table

one_thread()

import sys
from collections.abc import Callable
from functools import partial

import numpy as np
from sklearn.linear_model import LogisticRegression as Classifier

from recurse.backend import backends
from recurse.metrics.fisher_error import FisherError
from recurse.numerics.streams import Streams
from recurse.policies.replace import Replace
from recurse.scenario.scenario import Samples
from recurse.sources.logistic_regression import LogisticRegression
from tests.glm_arms import labelled
from tests.harness import simulate

FITS, BLOCK, LOOPED = 20, 250, 4
SHAPES = {10_000: 1000, 1000: 1000}
"""Replicates by samples."""
SOURCE = LogisticRegression(dim=5, intercept=True)


def loop(n: int, replicates: int) -> float:
    """One replicate after another."""
    for seed in range(LOOPED):
        rng = np.random.default_rng(seed)
        data = SOURCE.draw(Streams((seed,)), 0, "real", n)
        x, y = data["x"][0], data["y"][0]
        for _ in range(FITS):
            model = Classifier(C=np.inf).fit(x, y)
            y = (rng.random(n) < model.predict_proba(x)[:, 1]).astype(float)
    return replicates / LOOPED


def ours(backend: str, n: int, replicates: int) -> float:
    arm = labelled(
        SOURCE,
        Replace(),
        samples=Samples(real=n, synthetic=n),
        generations=FITS - 1,
        backend=backend,
        metrics=(FisherError(),),
    )
    for first in range(0, replicates, BLOCK):
        simulate(arm, range(first, min(first + BLOCK, replicates)))
    return 1.0


def main(share: int = 1) -> None:
    """``share``: how many times fewer replicates."""
    for n, all_ in SHAPES.items():
        shape = n, all_ // share
        runners: dict[str, Callable[[], float]] = {"scikit-learn": partial(loop, *shape)}
        runners |= {backend: partial(ours, backend, *shape) for backend in backends()}
        title = f"n = {n}, {shape[1]} replicates"
        table(title, race(runners, rounds=2), {"scikit-learn": 20.0})


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
