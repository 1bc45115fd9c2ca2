"""Dohmatob et al.: fewer samples than dimensions; every generation forgets what it does not see.

The shortest least-squares fit on T < d samples keeps the part of the labelling model that lies in
the span of its inputs, a share ``eta = T / d``. With ``c_g = E w_g.w* / |w*|^2`` and
``q_g = E|w_g|^2`` and independent isotropic designs under ``replace``

    ``c_g = eta c_(g-1)``, ``q_g = eta q_(g-1) + sigma^2 T / (d - T - 1)``,
    ``E|w_g - w*|^2 = |w*|^2 (1 - 2 c_g) + q_g``,

that is ``|w*|^2 (1 - eta^n) + v (1 - eta^n) / (1 - eta)`` after n equal fits. A fit on T > d + 1
samples keeps all and adds ``sigma^2 d / (T - d - 1)``. Exact.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from recurse.theory.law import Curve, Law, link_of, usage_of
from recurse.theory.usage import Usage, is_synthetic

CITE = "Dohmatob et al. 2402.07712 (over-parametrised); recursion derived here"


class DohmatobOverparametrised(Law):
    """``E|w_g - w*|^2`` of minimum-norm fits, some of them on fewer samples than dimensions."""

    name: ClassVar[str] = "dohmatob_overparametrised"
    families: ClassVar[tuple[str, ...]] = ("linear",)
    metrics: ClassVar[tuple[str, ...]] = ("excess_risk",)

    def refusal(self, arm: Any) -> str | None:
        if not arm.model.min_norm:
            return "stated for minimum-norm fits"
        if arm.source.law != "linear" or arm.source.design != "fresh":
            return "stated for linear regression with fresh designs"
        if arm.source.deviations is not None:
            return "stated for isotropic inputs"
        if link_of(arm) != 1.0:
            return "stated for uncorrected data"
        used = usage_of(arm)
        if any(abs(fit.size - arm.source.dim) < 2 for fit in used.fits):
            return "the expected risk is infinite where samples and dimensions are as many"
        if not any(fit.size < arm.source.dim for fit in used.fits):
            return "no fit has fewer samples than dimensions"
        return None if _replaces(used) else "stated for replace"

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        source = arm.source
        norm = float(source.dim if source.scales is None else np.sum(source.scales**2))
        overlap, square = 1.0, norm
        values = np.empty(arm.generations + 1)
        for g, fit in enumerate(usage_of(arm).fits):
            size, dim = fit.size, source.dim
            kept = min(size / dim, 1.0)
            overlap *= kept
            square = kept * square + source.noise**2 * min(size, dim) / (abs(dim - size) - 1)
            values[g] = norm * (1.0 - 2.0 * overlap) + square
        return (Curve("excess_risk", "exact", "expectation (minimum norm)", values, CITE),)


def _replaces(used: Usage) -> bool:
    """True if every fit sees all of one new pool of the model before it."""
    return all(
        len(fit.pools) == 1 and fit.budget is None and fit.pools[0] == 2 * g
        for g, fit in enumerate(used.fits)
    ) and bool(np.all(is_synthetic(np.array([f.pools[0] for f in used.fits[1:]], dtype=np.int64))))
