"""Strong model collapse: a fixed share of synthetic labels leaves an error that no data cures.

A fit on n samples of which a share ``p2`` is labelled by a model of risk ``c2`` and the others by
the truth has, with ``phi = d / n``, the risk

    ``sigma^2 phi / (1 - phi) + p2^2 c2 + p1 p2 c2 phi / (1 - phi)``

to leading order (the published form lacks the last term). For n to infinity ``p2^2 c2`` is left.
In a loop with fresh data ``c2`` is the risk of the generation before.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from recurse.theory.law import Curve, Law, link_of, usage_of
from recurse.theory.linear_risk import expected_risk, least_squares_refusal
from recurse.theory.usage import Portion, is_synthetic

CITE = "Dohmatob et al. 2410.04840 (eq. 12 and the term in p1 p2 that it lacks; derived here)"


class StrongCollapse(Law):
    """New real data beside labels of the last model, with new inputs: the large-n risk, a floor."""

    name: ClassVar[str] = "strong_collapse"
    families: ClassVar[tuple[str, ...]] = ("linear",)
    metrics: ClassVar[tuple[str, ...]] = ("excess_risk",)

    def refusal(self, arm: Any) -> str | None:
        reason = least_squares_refusal(arm)
        if reason is not None:
            return reason
        if arm.source.design != "fresh":
            return "stated for fresh designs"
        if link_of(arm) != 1.0:
            return "stated for uncorrected data"
        later = list(enumerate(usage_of(arm).fits))[1:]
        if not later or not all(_mixes(fit, g) for g, fit in later):
            return "stated for fits on new real data and labels of the last model"
        return None

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        source, fits = arm.source, usage_of(arm).fits
        passed, _ = expected_risk(usage_of(arm), source.dim, source.design, 1.0)
        passed = source.noise**2 * passed
        risk, floor = np.empty(len(fits)), np.full(len(fits), np.nan)
        for g, fit in enumerate(fits):
            phi = source.dim / fit.size
            risk[g] = source.noise**2 * phi / (1.0 - phi)
            if g:
                fake = float(fit.takes[is_synthetic(fit.pools)].sum()) / fit.size
                floor[g] = fake**2 * passed[g - 1]
                risk[g] += floor[g] + (1 - fake) * fake * passed[g - 1] * phi / (1 - phi)
        return (
            Curve("excess_risk", "asymptotic", "large n: p1 p2 form", risk, CITE),
            Curve("excess_risk", "bound", "lower bound: p2^2 c2", floor, CITE),
        )


def _mixes(fit: Portion, generation: int) -> bool:
    """True if a fit sees new real data and labels of the last model, and nothing else."""
    wanted = {2 * generation, 2 * generation + 1}
    return fit.even and fit.budget is None and set(fit.pools.tolist()) <= wanted
