"""Suresh, Thangaraj & Khandavally: how fast two opposite Gaussians lose their spread."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from recurse.theory.law import Curve, Law, usage_of
from recurse.theory.survival import disturbed
from recurse.theory.workflow import workflow

CITE = "Suresh, Thangaraj & Khandavally 2412.17646, Theorem 4"
CITE_SQUARES = "second moments: E s'^2 <= (1 + kappa)(1 - 1/n) s^2, Markov's inequality; derived"


class SureshMixture(Law):
    """``P(s_g > threshold)`` of the approximate estimator; k counts fits.

    The paper's bound is ``(s_0 / threshold) exp(-k / 4n)``. The estimator's variance is never more
    than ``(1 + kappa)`` times that of the samples' sizes, which has expectation
    ``(1 - 1/n) Var |x| <= (1 - 1/n) s^2``; so ``E s_k <= s_0 ((1 + kappa)(1 - 1/n))^(k/2)`` too.
    """

    name: ClassVar[str] = "suresh_mixture"
    families: ClassVar[tuple[str, ...]] = ("symmetric_gmm",)
    metrics: ClassVar[tuple[str, ...]] = ("deviation_above",)

    def refusal(self, arm: Any) -> str | None:
        if arm.model.estimator != "approximate":
            return "stated for the approximate estimator"
        if arm.source.kind != "mixture" or arm.source.centers.shape != (2, 1):
            return "stated for two Gaussians on a line"
        if arm.source.centers.sum() != 0.0 or np.ptp(arm.source.shares) > 1e-12:
            return "stated for opposite means in equal shares"
        return disturbed(arm, ("replace",))

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        flow = workflow(usage_of(arm))
        assert flow is not None
        n, k = flow.n, np.arange(1.0, arm.generations + 2)
        log_kappa = (n + 15.0) / (4.0 * (n - 1.0) * (n + 7.0))
        rates = (
            ("Theorem 4: exp(-k/4n)", -1.0 / (4.0 * n), CITE),
            ("second moments", 0.5 * (log_kappa + math.log1p(-1.0 / n)), CITE_SQUARES),
        )
        return tuple(
            Curve("deviation_above", "bound", name, np.minimum(ratio * np.exp(rate * k), 1.0), cite)
            for metric in arm.metrics
            if metric.kind == "deviation_above"
            for ratio in (arm.source.deviation / metric.threshold,)
            for name, rate, cite in rates
        )
