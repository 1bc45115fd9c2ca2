"""Dohmatob et al., A Tale of Tails: the error of a memoriser is the mass that it has not seen."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from recurse.theory.frequencies import drawn, frequencies
from recurse.theory.law import Curve, Law, corrector_link
from recurse.theory.usage import Portion, is_synthetic

CITE = "Dohmatob et al. 2402.07043, equation 9"
FIRST, LATER = "first fit", "large real sample: memoriser"


class Tails(Law):
    """``sum_i q_i (1 - s_i)^T``: the mass that T samples of the law s have missed.

    Exact for the first fit, where s is the truth q. The second fit sees samples of the first model:
    for a large real sample s is q as the sampler changes it (a cut tail, another temperature), and
    real samples beside them miss independently: ``sum q (1 - q)^R (1 - s)^T``.
    """

    name: ClassVar[str] = "tails"
    families: ClassVar[tuple[str, ...]] = ("categorical", "ngram")
    metrics: ClassVar[tuple[str, ...]] = ("missing_mass",)

    def refusal(self, arm: Any) -> str | None:
        tables = frequencies(arm)
        if isinstance(tables, str):
            return tables
        if arm.model.smoothing or corrector_link(arm) != 1.0:
            return "stated for relative frequencies of uncorrected data"
        return None

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        tables = frequencies(arm)
        assert not isinstance(tables, str)
        fits, q = tables.usage.fits, tables.laws
        first = np.full(len(fits), math.nan)
        first[0] = missed(q, {0: fits[0].size}, q)
        found = [Curve("missing_mass", "exact", FIRST, first, CITE)]
        if len(fits) > 1 and fits[1].budget is None:
            later = first.copy()
            later[1] = missed(q, _counts(fits[1]), drawn(arm, tables))
            found.append(Curve("missing_mass", "asymptotic", LATER, later, CITE))
        return tuple(found)


def missed(q: NDArray[np.float64], counts: dict[int, int], s: NDArray[np.float64]) -> float:
    """The mass under ``q`` missed by real (0) and by synthetic (1) samples, of the law s.

    Both ``[C, K]``: the mean over C tables, with so many samples each.
    """
    unseen = (1.0 - q) ** counts.get(0, 0) * (1.0 - s) ** counts.get(1, 0)
    return float(np.mean(np.sum(q * unseen, axis=1)))


def _counts(fit: Portion) -> dict[int, int]:
    synthetic = is_synthetic(fit.pools)
    return {0: int(fit.takes[~synthetic].sum()), 1: int(fit.takes[synthetic].sum())}
