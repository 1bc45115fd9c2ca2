"""Suresh et al.: the life of a symbol under replace, and the number of symbols left."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from recurse.theory.frequencies import frequencies
from recurse.theory.law import Curve, Law, link_of
from recurse.theory.workflow import workflow

Vector = NDArray[np.float64]
CITE = "Suresh et al. 2412.17646, Theorem 1 and Corollary 1"


class Suresh(Law):
    """A symbol of probability q survives k fits on n samples with probability about
    ``1 - exp(-n q g_k)``, where ``g_1 = 1`` and ``g_{k+1} = 1 - exp(-g_k)``, so ``g_k ~ 2/k``.

    That is a lower bound; an upper one is ``1 - (1 - 3 n q^2 - 3 k q) exp(-n q g_k)``. Sums over
    symbols bound the number that is left and the true mass of those that are lost. The same holds
    of n-grams where each block is one: q is that of the gram, or after its context if contexts are
    given in turn, with n / C samples for each of C.
    """

    name: ClassVar[str] = "suresh"
    families: ClassVar[tuple[str, ...]] = ("categorical", "ngram")
    metrics: ClassVar[tuple[str, ...]] = ("missing_mass", "unique")

    def refusal(self, arm: Any) -> str | None:
        tables = frequencies(arm)
        if isinstance(tables, str):
            return tables
        if arm.model.smoothing or link_of(arm) != 1.0:
            return "stated for relative frequencies of uncorrected data"
        flow = workflow(tables.usage)
        if flow is None or flow.kind != "replace":
            return "stated for replace with equal counts in all generations"
        return None

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        tables = frequencies(arm)
        assert not isinstance(tables, str)
        flow = workflow(tables.usage)
        assert flow is not None
        q, steps = tables.laws.ravel(), survival_steps(arm.generations + 1)
        count = len(tables.laws)
        lost_most, lost_least = np.empty(len(steps)), np.empty(len(steps))
        mass_most, mass_least = np.empty(len(steps)), np.empty(len(steps))
        for i, g in enumerate(steps):
            most = np.exp(-flow.n * q * g)
            least = most * np.maximum(1.0 - 3.0 * flow.n * q**2 - 3.0 * (i + 1) * q, 0.0)
            lost_most[i], lost_least[i] = most.sum(), least.sum()
            mass_most[i], mass_least[i] = q @ most / count, q @ least / count
        lower, upper = "lower bound", "upper bound"
        return (
            Curve("unique", "bound", lower, len(q) - lost_most, CITE),
            Curve("unique", "bound", upper, len(q) - lost_least, CITE),
            Curve("missing_mass", "bound", lower, mass_least, CITE),
            Curve("missing_mass", "bound", upper, mass_most, CITE),
        )


def survival_steps(fits: int) -> Vector:
    """``g_1 .. g_fits``."""
    found = np.ones(fits)
    for k in range(1, fits):
        found[k] = -np.expm1(-found[k - 1])
    return found
