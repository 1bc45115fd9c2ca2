"""Logistic regression of all replicates at once against scikit-learn's, one fit after another.

``python -m tests.benchmarks.bench_glm``; ratios of one run, one thread. n = 10,000 inputs kept over
20 fits (Dey & Donoho's simulation), 5 coefficients and an intercept, 1000 replicates in blocks of
250 as the planner cuts them; scikit-learn (lbfgs without penalty, its own tolerance) is timed on 4
replicates and scaled. Ours are Newton's to 1e-10.
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
from recurse.policies.replace import Replace
from recurse.scenario import Samples
from recurse.sources.logistic_regression import LogisticRegression
from recurse.streams import Streams
from tests.glm_arms import labelled
from tests.harness import simulate

N, FITS, BLOCK, LOOPED = 10_000, 20, 250, 4
SOURCE = LogisticRegression(dim=5, intercept=True)


def loop(replicates: int) -> float:
    """One replicate after another."""
    for seed in range(LOOPED):
        rng = np.random.default_rng(seed)
        data = SOURCE.draw(Streams((seed,)), 0, "real", N)
        x, y = data["x"][0], data["y"][0]
        for _ in range(FITS):
            model = Classifier(C=np.inf).fit(x, y)
            y = (rng.random(N) < model.predict_proba(x)[:, 1]).astype(float)
    return replicates / LOOPED


def ours(backend: str, replicates: int) -> float:
    arm = labelled(
        SOURCE,
        Replace(),
        samples=Samples(real=N, synthetic=N),
        generations=FITS - 1,
        backend=backend,
        metrics=(FisherError(),),
    )
    for first in range(0, replicates, BLOCK):
        simulate(arm, range(first, first + BLOCK))
    return 1.0


def main(replicates: int = 1000) -> None:
    runners: dict[str, Callable[[], float]] = {"scikit-learn": partial(loop, replicates)}
    runners |= {backend: partial(ours, backend, replicates) for backend in backends()}
    table(f"{replicates} replicates", race(runners, rounds=2), {"scikit-learn": 20.0})


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
