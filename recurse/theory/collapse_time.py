"""The life of relative frequencies: the chance that a refitted model is not yet a point.

Two symbols cannot both be all that is left, so the chance to have collapsed by fit k is the sum
over symbols of that of each to be the one, and a symbol against all others is a Wright-Fisher chain
of two symbols whatever the alphabet. Exact on n + 1 states; for large n the diffusion has a series
(Kimura 1955), with the mean ``-2 n sum_i (1 - p_i) ln(1 - p_i)``.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from recurse.theory.law import Curve, Law, usage_of
from recurse.theory.moments import Vector
from recurse.theory.survival import CHAIN, plain_refusal
from recurse.theory.usage import Usage
from recurse.theory.workflow import workflow

CITE = "chain of each symbol against the others (derived); Seddik et al. 2404.05090 for the setting"
CITE_DIFFUSION = "Kimura 1955 (diffusion), summed over symbols; Seddik et al. 2404.05090"
TERMS = 4000
"""The most terms of the series; the first generations of ``n > TERMS^2 / 80`` would take more."""


class CollapseTime(Law):
    """``P(more than one symbol is left after fit k)`` under replace."""

    name: ClassVar[str] = "collapse_time"
    families: ClassVar[tuple[str, ...]] = ("categorical",)
    metrics: ClassVar[tuple[str, ...]] = ("uncollapsed",)

    def refusal(self, arm: Any) -> str | None:
        if arm.model.smoothing:
            return "smoothed frequencies never collapse"
        return plain_refusal(arm, ("replace",))

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        n, p, fits = _size(usage_of(arm)), arm.source.p, arm.generations + 1
        name, values = "large n: diffusion", diffusion(p, n, fits)
        found = [Curve("uncollapsed", "asymptotic", name, values, CITE_DIFFUSION)]
        if n <= CHAIN:
            name = "expectation: chain of each symbol"
            found.append(Curve("uncollapsed", "exact", name, lambda: chain(p, n, fits), CITE))
        return tuple(found)


def chain(p: Vector, n: int, fits: int) -> Vector:
    """``P(T > k)``, k = 1 .. ``fits``, from the chain of counts 0 .. n of each symbol."""
    from scipy.stats import binom

    states = np.arange(n + 1)
    step = binom.pmf(states[None, :], n, states[:, None] / n)
    values, copies = np.unique(p, return_counts=True)
    first = binom.pmf(states[None, :], n, values[:, None])
    alone, found = (states == n).astype(np.float64), np.empty(fits)
    for k in range(fits):
        found[k] = 1.0 - copies @ (first @ alone)
        alone = step @ alone
    return found


def diffusion(p: Vector, n: int, fits: int) -> Vector:
    """The same for large n: ``x (1 - x) / n`` is the variance of a step; NaN where it is too early.

    A symbol is all that is left by time t with probability ``p + sum_i (-1)^i (2i + 1) p (1 - p)
    F(1 - i, i + 2; 2; p) exp(-i (i + 1) t / 2n)``.
    """
    i = np.arange(1.0, min(TERMS, int(np.sqrt(80.0 * n)) + 10) + 1)
    values, copies = np.unique(p, return_counts=True)
    sign = 2.0 * (-1.0) ** i * (2.0 * i + 1.0) / (i * (i + 1.0))
    weight = sign[:, None] * values * (1.0 - values) * _gegenbauer(len(i), 1.0 - 2.0 * values)
    k = np.arange(1.0, fits + 1)
    rate = i * (i + 1.0) / (2.0 * n)
    left = -np.exp(-k[:, None] * rate) @ (weight @ copies)
    return np.where(k * rate[-1] < 30.0, np.nan, np.clip(left, 0.0, 1.0))


def _gegenbauer(terms: int, x: Vector) -> NDArray[np.float64]:
    """``C_0 .. C_{terms-1}`` of index 3/2, ``[terms, len(x)]``; ``F(1 - i, i + 2; 2; p)`` is
    ``2 C_{i-1}(1 - 2p) / (i (i + 1))``."""
    found = np.ones((terms, len(x)))
    found[1] = 3.0 * x
    for j in range(2, terms):
        found[j] = ((2 * j + 1) * x * found[j - 1] - (j + 1) * found[j - 2]) / j
    return found


def _size(used: Usage) -> int:
    flow = workflow(used)
    assert flow is not None
    return flow.n
