"""Suresh, Thangaraj & Khandavally: how long a rare event survives in one-parameter models."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from recurse.theory.law import Curve, Law, link_of, usage_of
from recurse.theory.suresh import survival_steps
from recurse.theory.workflow import WorkflowKind, workflow

Vector = NDArray[np.float64]
CITE = "Suresh, Thangaraj & Khandavally 2412.17646, Theorems 1 and 2"
CITE_CHAIN = "Wright-Fisher chain on n + 1 states; Seddik et al. 2404.05090"
CHAIN = 500
"""Samples up to which the Bernoulli chain is solved: a matrix of 2 MB."""


class Survival(Law):
    """``P(theta_g > 0)``, with ``g_1 = 1``, ``g_(k+1) = 1 - exp(-g_k)``; k counts fits.

    Under replace it is ``1 - exp(-n rate g_k)`` exactly for Poisson, and a lower bound with p for
    the rate for Bernoulli. Under accumulate a one among the real samples is never lost.
    """

    name: ClassVar[str] = "survival"
    families: ClassVar[tuple[str, ...]] = ("bernoulli", "poisson")
    metrics: ClassVar[tuple[str, ...]] = ("alive",)

    def refusal(self, arm: Any) -> str | None:
        return plain_refusal(arm, ("replace", "accumulate"))

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        flow = workflow(usage_of(arm))
        assert flow is not None
        n, theta, fits = flow.n, arm.source.theta, arm.generations + 1
        if flow.kind == "accumulate":
            gone = math.exp(-n * theta) if arm.model.kind == "poisson" else (1.0 - theta) ** n
            kept = np.full(fits, 1.0 - gone)
            return (Curve("alive", "exact", "expectation: a real event is kept", kept, CITE),)
        dying = np.exp(-n * theta * survival_steps(fits))
        if arm.model.kind == "poisson":
            return (Curve("alive", "exact", "expectation: 1 - exp(-n rate g_k)", 1 - dying, CITE),)
        k = np.arange(1.0, fits + 1)
        slack = np.maximum(1.0 - 3.0 * n * theta**2 - 3.0 * k * theta, 0.0)
        found = [
            Curve("alive", "bound", "lower bound 1 - exp(-n p g_k)", 1.0 - dying, CITE),
            Curve("alive", "bound", "upper bound, Theorem 1", 1.0 - slack * dying, CITE),
        ]
        if n <= CHAIN:
            name = "expectation: chain"
            exact = lambda: bernoulli_survival(n, theta, fits)  # noqa: E731
            found.append(Curve("alive", "exact", name, exact, CITE_CHAIN))
        return tuple(found)


def plain_refusal(arm: Any, kinds: tuple[WorkflowKind, ...]) -> str | None:
    """The reason why an arm is not its family's own law, uncorrected, in one of these workflows."""
    if arm.source.law != arm.model.kind:
        return f"the law of a {arm.source.kind} source is not known"
    return disturbed(arm, kinds)


def disturbed(arm: Any, kinds: tuple[WorkflowKind, ...]) -> str | None:
    """The reason why a loop is corrected, or not one of these workflows; None if neither."""
    if link_of(arm) != 1.0:
        return "stated for uncorrected data"
    flow = workflow(usage_of(arm))
    if flow is None or flow.kind not in kinds:
        return f"stated for {' and '.join(kinds)} with equal counts in all generations"
    return None


def bernoulli_survival(n: int, p: float, fits: int) -> Vector:
    """``P(some sample of fit k is a one)``, ``[fits]``, from the chain of counts 0 .. n."""
    from scipy.stats import binom

    states = np.arange(n + 1)
    step = binom.pmf(states[None, :], n, states[:, None] / n)
    law, found = binom.pmf(states, n, p), np.empty(fits)
    for k in range(fits):
        found[k] = law[1:].sum()
        law = law @ step
    return found
