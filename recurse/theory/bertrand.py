"""Bertrand et al., Gillman et al.: with infinite data retraining contracts by a known factor.

With lambda synthetic samples per fresh real one and a corrector that leaves a synthetic sample to
its model with probability ``1/(1 + gamma)``, the share of the data that follows the last model is
``J = lambda / ((1 + lambda)(1 + gamma))``. At infinite n the error of the mean then obeys
``m' = J^2 m`` and the spread ``s' = 1 - J + J s + J (1 - J) m``: J is the Jacobian of the loop at
the optimum of a well-specified family, below 1 for every finite lambda. (The papers' bounds,
``lambda/(1 - lambda)`` for gamma = 0, cover families that are not.)
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from recurse.theory.he import mixes
from recurse.theory.law import Curve, Law, link_of, usage_of

CITE = (
    "Bertrand et al. 2310.00429, Gillman et al. 2402.07087; the exact rate is derived in "
    "recurse.theory.bertrand"
)


class Bertrand(Law):
    """Error of the mean and spread of a Gaussian under fresh real data, at infinite n."""

    name: ClassVar[str] = "bertrand"
    families: ClassVar[tuple[str, ...]] = ("gaussian",)
    metrics: ClassVar[tuple[str, ...]] = ("mean_error", "variance_ratio")

    def refusal(self, arm: Any) -> str | None:
        if arm.source.kind != "gaussian":
            return f"the moments of a {arm.source.kind} source are not known"
        if link_of(arm) is None:
            return "stated for the model's own samples, as they are or corrected by the oracle"
        fits = usage_of(arm).fits
        later = list(enumerate(fits))[1:]
        if not later or not all(fit.even and mixes(fit, fits[1], g) for g, fit in later):
            return "stated for the same counts of fresh real and synthetic samples each time"
        return None

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        used = usage_of(arm)
        fit = used.fits[1]
        real = fit.pools % 2 == 1
        rate = factor(int(fit.takes[~real][0]) / int(fit.takes[real][0]), _link(arm))
        first, unbiased = 1.0 / int(used.needed[0]), arm.model.estimator == "unbiased"
        error, spread = [first], [1.0 if unbiased else 1.0 - first]
        for _ in range(arm.generations):
            spread.append(1.0 - rate + rate * spread[-1] + rate * (1.0 - rate) * error[-1])
            error.append(rate**2 * error[-1])
        trace, name = float(np.trace(arm.source.matrix)), "infinite data: contraction"
        return (
            Curve("mean_error", "asymptotic", name, trace * np.array(error), CITE),
            Curve("variance_ratio", "asymptotic", name, np.array(spread), CITE),
        )


def factor(ratio: float, link: float) -> float:
    """``lambda / (1 + lambda)`` times the share ``link`` that a corrector leaves alone."""
    return ratio / (1.0 + ratio) * link


def _link(arm: Any) -> float:
    link = link_of(arm)
    assert link is not None
    return link
