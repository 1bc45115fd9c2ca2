"""Kazdan et al.: pooled Gaussians keep a share sin(pi/sqrt n)/(pi/sqrt n) of the variance."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from recurse.theory.law import Curve, Law, link_of, usage_of
from recurse.theory.workflow import workflow

CITE = "Kazdan et al. 2410.16713; Euler's sine product"


class Kazdan(Law):
    """Accumulate, MLE: ``E Sigma_g = Sigma prod_{k <= g+1} (1 - 1/(n k^2))`` falls to a limit."""

    name: ClassVar[str] = "kazdan"
    families: ClassVar[tuple[str, ...]] = ("gaussian",)
    metrics: ClassVar[tuple[str, ...]] = ("mean_error", "variance_ratio")

    def refusal(self, arm: Any) -> str | None:
        if arm.source.kind != "gaussian":
            return f"the moments of a {arm.source.kind} source are not known"
        if arm.model.estimator != "mle":
            return "stated for the maximum-likelihood covariance"
        if link_of(arm) != 1.0:
            return "stated for uncorrected data"
        flow = workflow(usage_of(arm))
        if flow is None or flow.kind != "accumulate":
            return "stated for accumulate with equal counts in all generations"
        return None

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        n = usage_of(arm).needed[0]
        fits = np.arange(1.0, arm.generations + 2)
        product = np.cumprod(1.0 - 1.0 / (n * fits**2))
        limit = np.full_like(fits, np.sinc(1.0 / np.sqrt(n)))
        trace = float(np.trace(arm.source.matrix))
        name = "sine product"
        return (
            Curve("variance_ratio", "exact", name, product, CITE),
            Curve("variance_ratio", "bound", "lower bound, its limit", limit, CITE),
            Curve("mean_error", "exact", name, trace * (1.0 - product), CITE),
            Curve("mean_error", "bound", "upper bound, its limit", trace * (1.0 - limit), CITE),
        )
