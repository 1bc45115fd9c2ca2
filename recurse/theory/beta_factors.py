"""Beta(theta, 1) refitted by maximum likelihood: theta is multiplied by independent factors.

``-log x`` is exponential, so the pooled fit t of n samples each is ``theta_t = theta_(t-1) t /
(t - 1 + G_t / n)`` with ``G_t`` a Gamma number of shape n; under replace it is ``theta_(t-1) n /
G_t``. The factors do not know theta: no ratio of errors can depend on the true value.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from recurse.theory.law import Curve, Law, link_of, usage_of
from recurse.theory.workflow import Workflow, workflow

CITE = "derived from the Gamma law of sum(-log x); the loop is Barzilai & Shamir 2505.19046"


class BetaFactors(Law):
    """``E(theta_g - theta)^2`` under replace and accumulate."""

    name: ClassVar[str] = "beta_factors"
    families: ClassVar[tuple[str, ...]] = ("beta",)
    metrics: ClassVar[tuple[str, ...]] = ("parameter_error",)

    def refusal(self, arm: Any) -> str | None:
        if arm.source.law != arm.model.kind:
            return f"the moments of a {arm.source.kind} source are not known"
        if link_of(arm) != 1.0:
            return "stated for uncorrected data"
        flow = workflow(usage_of(arm))
        if flow is None or flow.kind == "subsample":
            return "stated for replace and accumulate with equal counts in all generations"
        if flow.n < 3:
            return f"the error is infinite with {flow.n} samples"
        return None

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        flow = workflow(usage_of(arm))
        assert flow is not None
        fits, theta = arm.generations + 1, arm.source.theta

        def error() -> NDArray[np.float64]:
            first, second = factors(flow, fits)
            return np.asarray(theta**2 * (np.cumprod(second) - 2.0 * np.cumprod(first) + 1.0))

        return (Curve("parameter_error", "exact", "expectation", error, CITE),)


def factors(flow: Workflow, fits: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """First and second moment of ``theta_t / theta_(t-1)``, t = 1 .. ``fits``, ``[fits]`` each.

    For t = 1 they are ``n / (n-1)`` and ``n^2 / ((n-1)(n-2))``. Later ones under accumulate are
    integrals over the Gamma law, on its quantiles by Gauss-Legendre (the integrands are smooth and
    bounded).
    """
    from scipy.special import gammaincinv

    n = flow.n
    exact = n / (n - 1.0), n**2 / ((n - 1.0) * (n - 2.0))
    if flow.kind == "replace":
        return np.full(fits, exact[0]), np.full(fits, exact[1])
    nodes, weights = np.polynomial.legendre.leggauss(400)
    mean = gammaincinv(n, 0.5 * (nodes + 1.0)) / n
    t = np.arange(1.0, fits + 1)[:, None]
    factor = t / (t - 1.0 + mean)
    first, second = factor @ weights / 2.0, factor**2 @ weights / 2.0
    first[0], second[0] = exact
    return first, second
