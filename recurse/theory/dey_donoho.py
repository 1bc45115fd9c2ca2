"""Dey & Donoho: to leading order in n every regular family's error grows by the same factors."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from recurse.theory.first_fit import GLMS, first_fit, first_fit_refusal, scaled
from recurse.theory.law import Curve, Law, link_of, usage_of
from recurse.theory.linear_risk import least_squares_refusal
from recurse.theory.workflow import Workflow, workflow

CITE = "Dey & Donoho 2410.22812"
CITE_SUBSAMPLE = (
    "Dey & Donoho 2410.22812 (augment-subsample; sum and limit derived in recurse.theory)"
)
Floats = NDArray[np.float64]
SUBSAMPLE_LIMIT = np.pi**2 / 2 - 2


class DeyDonoho(Law):
    """Error of the fit relative to the first: discard t, augment H2_t, augment-subsample V_t."""

    name: ClassVar[str] = "dey_donoho"
    families: ClassVar[tuple[str, ...]] = (
        *("gaussian", "linear", "bernoulli", "poisson", "exponential", "beta", "location"),
        *GLMS,
    )
    metrics: ClassVar[tuple[str, ...]] = (
        *("excess_risk", "mean_error", "parameter_error", "coefficient_error", "fisher_error"),
    )

    def refusal(self, arm: Any) -> str | None:
        reason = _refusal(arm)
        if reason is not None:
            return reason
        if link_of(arm) != 1.0:
            return "stated for uncorrected data"
        flow = workflow(usage_of(arm))
        if flow is None:
            return (
                "stated for equal counts in all generations under replace, accumulate, or "
                "accumulate with a subsample of one generation's size without replacement"
            )
        if arm.model.kind == "linear" and flow.kind != "subsample":
            return f"least squares has an exact law and a bound under {flow.kind}"
        return None

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        flow = workflow(usage_of(arm))
        assert flow is not None
        fits = np.arange(1.0, arm.generations + 2)
        size = flow.n - (arm.source.dim + 1 if arm.model.kind == "linear" else 0)
        return tuple(
            Curve(metric, "asymptotic", name, partial(scaled, one, factor / size), cite)
            for metric, one in _first(arm).items()
            for name, factor, cite in _factors(flow, fits)
        )


def _factors(flow: Workflow, fits: Floats) -> list[tuple[str, Floats, str]]:
    """Name, factor of each fit and citation of every curve."""
    if flow.kind == "replace":
        return [("large n: t", fits, CITE)]
    if flow.kind == "accumulate":
        factor, limit = np.cumsum(1.0 / fits**2), np.pi**2 / 6
        names, cite = ("large n: sum 1/k^2", "large n, many generations: pi^2/6"), CITE
    else:
        factor, limit = subsample_factor(len(fits)), SUBSAMPLE_LIMIT
        names = ("large n: V_t", "large n, many generations: pi^2/2 - 2")
        cite = CITE_SUBSAMPLE
    return [(names[0], factor, cite), (names[1], np.full_like(fits, limit), cite)]


def subsample_factor(fits: int) -> Floats:
    """``V_t``, t = 1 .. ``fits``: the inflation when each fit sees n of all t n samples so far.

    ``V_t = sum_{j=1}^t 1/j^2 + (2/t)(H_t - 1) + 2 sum_{j=2}^{t-1} (H_j - 1)/(j (j+1))``; its limit
    is ``pi^2/2 - 2``.
    """
    t = np.arange(1.0, fits + 1)
    excess = np.cumsum(1.0 / t) - 1.0
    terms = excess / (t * (t + 1))
    return np.cumsum(1.0 / t**2) + 2.0 * excess / t + 2.0 * (np.cumsum(terms) - terms)


def _refusal(arm: Any) -> str | None:
    return least_squares_refusal(arm) if arm.model.kind == "linear" else first_fit_refusal(arm)


def _first(arm: Any) -> dict[str, Callable[[], float]]:
    """The metrics, and what computes their values for a fit of one sample, to leading order."""
    if arm.model.kind == "linear":
        return {"excess_risk": lambda: float(arm.source.noise**2 * arm.source.dim)}
    return first_fit(arm)
