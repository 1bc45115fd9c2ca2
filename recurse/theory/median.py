"""Medians refitted to samples of the last one: steps add up, and the size of a step is known.

A sample median of n normal numbers is the center plus ``scale * M_n``, with ``M_n`` the median of n
standard normal ones; under replace the steps are independent, so ``E(theta_g - theta)^2 = scale^2
sum Var M_n``. For odd n ``M_n`` is the normal quantile of a Beta number with both parameters
``(n + 1)/2``. Its variance is ``pi/(2n)`` for large n, a little less for any.
"""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from recurse.theory.law import Curve, Law, link_of, usage_of
from recurse.theory.usage import is_synthetic

CITE = "variance of a sample median (order statistics); Dey & Donoho 2410.22812 for large n"


class Median(Law):
    """``E(theta_g - theta)^2`` of a median that is fitted to the samples of one model only."""

    name: ClassVar[str] = "median"
    families: ClassVar[tuple[str, ...]] = ("location",)
    metrics: ClassVar[tuple[str, ...]] = ("parameter_error",)

    def refusal(self, arm: Any) -> str | None:
        if arm.model.estimator != "median":
            return "stated for the median"
        if link_of(arm) != 1.0:
            return "stated for uncorrected data"
        fits = usage_of(arm).fits
        if any(len(fit.pools) > 1 or fit.replacement for fit in fits):
            return "stated for fits on the samples of one model only"
        if any(fit.size % 2 == 0 for fit in fits):
            return "stated for odd numbers of samples"
        return None

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        fits = usage_of(arm).fits

        def values() -> NDArray[np.float64]:
            error = np.zeros(len(fits))
            for g, fit in enumerate(fits):
                made = bool(is_synthetic(fit.pools)[0])
                error[g] = variance(fit.size) + (error[fit.pools[0] // 2 - 1] if made else 0.0)
            return np.asarray(arm.source.scale**2 * error)

        return (Curve("parameter_error", "exact", "expectation (median)", values, CITE),)


@cache
def variance(n: int) -> float:
    """The variance of the median of ``n`` standard normal numbers, n odd, by the Beta quantiles.

    Split into halves of their own scale, where Gauss-Legendre is exact to ten digits.
    """
    from scipy.special import betaincinv, ndtri

    nodes, weights = np.polynomial.legendre.leggauss(200)
    # u = s^4 takes the logarithm of the normal quantile out of the end.
    s = 0.5 * (nodes + 1.0)
    quantile = ndtri(betaincinv((n + 1) / 2, (n + 1) / 2, 0.5 * s**4))
    return float(0.5 * weights @ (4.0 * s**3 * quantile**2))
