"""Families whose mean is fitted by the sample mean: the error for any schedule, exactly.

In all of them (Bernoulli, Poisson, exponential, normal of known variance) the variance is a
quadratic function of the mean, ``V(theta) = a + b theta + c theta^2`` (Morris 1982). Every weighted
mean is unbiased, so ``E V(theta_t) = V(theta_0) + c E(theta_t - theta_0)^2``, and the recursion of
``recurse.theory.moments`` closes. Under accumulate it has the closed form ``V/c (prod_k (1 + c/(n
k^2)) - 1)``: for Poisson (c = 0) ``V/n sum 1/k^2``, for Bernoulli (c = -1) the sine product.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from recurse.theory.law import Curve, Law, link_of, usage_of
from recurse.theory.moments import Vector, moments, unsolvable
from recurse.theory.workflow import workflow

CITE = "recursion of the moments (recurse.theory.moments); quadratic variance: Morris 1982"
CITE_SUMS = "derived from the quadratic variance function; Dey & Donoho 2410.22812 for large n"


class NaturalMean(Law):
    """``E(theta_g - theta)^2``."""

    name: ClassVar[str] = "natural_mean"
    families: ClassVar[tuple[str, ...]] = ("bernoulli", "poisson", "exponential", "location")
    metrics: ClassVar[tuple[str, ...]] = ("parameter_error",)

    def refusal(self, arm: Any) -> str | None:
        if arm.source.law != arm.model.kind:
            return f"the moments of a {arm.source.kind} source are not known"
        if getattr(arm.model, "estimator", "mean") != "mean":
            return "a median is no mean of the samples"
        if link_of(arm) is None:
            return f"no law for the {arm.corrector.kind} corrector with sampler {arm.sampler.kind}"
        return unsolvable(usage_of(arm))

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        used, unit, bend = usage_of(arm), arm.model.variance(arm.source), arm.model.curvature
        link = link_of(arm)
        assert link is not None

        def error() -> Vector:
            return np.asarray(unit * moments(used, None, link, curvature=bend).error)

        found = [Curve("parameter_error", "exact", "expectation", error, CITE)]
        flow = workflow(used)
        if flow is None or flow.kind != "accumulate" or link != 1.0:
            return tuple(found)
        parts = 1.0 / (flow.n * np.arange(1.0, arm.generations + 2) ** 2)
        name, closed = "sum 1/k^2", np.cumsum(parts)
        if bend:
            name, closed = "product over 1/k^2", (np.cumprod(1.0 + bend * parts) - 1.0) / bend
        found.append(Curve("parameter_error", "exact", name, unit * closed, CITE_SUMS))
        if bend <= 0:
            limit = np.full_like(parts, unit * np.pi**2 / (6 * flow.n))
            name = "upper bound pi^2/6"
            found.append(Curve("parameter_error", "bound", name, limit, CITE_SUMS))
        return tuple(found)
