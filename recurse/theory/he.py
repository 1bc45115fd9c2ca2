"""He, Xu, Cheng: fresh real data of weight w beside synthetic ones; the best w is golden at n = m.

With n fresh and m synthetic samples and ``k = n/m`` the error of a fit, in units of that on one
real sample, obeys, to leading order,
``e' = (1 - w)^2 e + (w^2 + k (1 - w)^2) / n``; so it tends to ``f(w) / n`` with
``f = (w^2 + k (1 - w)^2) / (w (2 - w))``. The least f is at ``w* = (sqrt(k^2 + 4k) - k) / 2`` and
equals w*. Pooling without weights has ``w = k/(1 + k)`` and ``f = (1 + k)/(2 + k)``.
"""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

import numpy as np

from recurse.policies.weighted_fresh import optimal
from recurse.theory.first_fit import GLMS, first_fit, first_fit_refusal, scaled
from recurse.theory.law import Curve, Law, link_of, usage_of
from recurse.theory.usage import Portion

CITE = "He, Xu, Cheng 2502.18049"


class He(Law):
    """Error of a fit in a loop with weighted fresh data, at large n: transient and limit."""

    name: ClassVar[str] = "he"
    families: ClassVar[tuple[str, ...]] = ("gaussian", *GLMS)
    metrics: ClassVar[tuple[str, ...]] = ("mean_error", "coefficient_error", "fisher_error")

    def refusal(self, arm: Any) -> str | None:
        if reason := first_fit_refusal(arm):
            return reason
        if link_of(arm) != 1.0:
            return "stated for synthetic data as the model draws them, uncorrected"
        fits = usage_of(arm).fits
        later = list(enumerate(fits))[1:]
        if not later or not all(mixes(fit, fits[1], g) for g, fit in later):
            return "stated for the same fresh real and synthetic counts and weights each time"
        return None

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        used = usage_of(arm)
        fit = used.fits[1]
        real = fit.pools % 2 == 1
        n, m = int(fit.takes[real][0]), int(fit.takes[~real][0])
        weight = fit.weights * fit.takes
        w = float(weight[real][0] / weight.sum())
        steps = np.arange(arm.generations + 1.0)
        limit, level = steady(w, n / m) / n, np.ones_like(steps)
        # In units of what one sample leaves.
        decay = limit + (1.0 / int(used.needed[0]) - limit) * (1.0 - w) ** (2.0 * steps)
        lines = (
            ("large n: weighted mixing", decay),
            ("steady state", limit * level),
            ("least of all weights", optimal(n, m) / n * level),
        )
        return tuple(
            Curve(metric, "asymptotic", name, partial(scaled, one, values), CITE)
            for metric, one in first_fit(arm).items()
            for name, values in lines
        )


def steady(w: float, k: float) -> float:
    """``n MSE / sigma^2`` in the long run, 1 with real data alone; ``w`` in (0, 1]."""
    return (w**2 + k * (1.0 - w) ** 2) / (w * (2.0 - w))


def mixes(fit: Portion, like: Portion, g: int) -> bool:
    """True if the fit of generation g sees fresh[g] and synthetic[g], counted as in ``like``."""
    return (
        fit.budget is None
        and sorted(fit.pools.tolist()) == [2 * g, 2 * g + 1]
        and np.array_equal(fit.pools % 2, like.pools % 2)
        and np.array_equal(fit.takes, like.takes)
        and np.array_equal(fit.weights, like.weights)
    )
