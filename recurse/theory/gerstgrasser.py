"""Gerstgrasser et al.: the risk grows linearly under replace, is bounded under accumulate."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from recurse.theory.law import Curve, Law, link_of, usage_of
from recurse.theory.linear_risk import least_squares_refusal
from recurse.theory.workflow import workflow

CITE = "Gerstgrasser et al. 2404.01413"
CITE_LINEAR = "Dohmatob et al. 2402.07712, as in Gerstgrasser et al. 2404.01413"


class Gerstgrasser(Law):
    """Linear regression; ``accumulate``: at most ``pi^2/6`` times the risk of the first fit.

    The bound is stated for a reused design; it holds for fresh designs too, because then every term
    ``1 / (i (iT - d - 1))`` is at most ``1 / (i^2 (T - d - 1))``.
    """

    name: ClassVar[str] = "gerstgrasser"
    families: ClassVar[tuple[str, ...]] = ("linear",)
    metrics: ClassVar[tuple[str, ...]] = ("excess_risk",)

    def refusal(self, arm: Any) -> str | None:
        reason = least_squares_refusal(arm)
        if reason is not None:
            return reason
        if link_of(arm) != 1.0:
            return "stated for uncorrected data"
        flow = workflow(usage_of(arm))
        if flow is None or flow.kind == "subsample":
            return "stated for replace and accumulate with equal counts in all generations"
        return None

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        flow = workflow(usage_of(arm))
        assert flow is not None
        dim = arm.source.dim
        first = arm.source.noise**2 * dim / (flow.n - dim - 1)
        fits = np.arange(1.0, arm.generations + 2)
        if flow.kind == "replace":
            return (Curve("excess_risk", "exact", "linear growth", first * fits, CITE_LINEAR),)
        bound = np.full_like(fits, first * np.pi**2 / 6)
        return (Curve("excess_risk", "bound", "upper bound pi^2/6", bound, CITE),)
