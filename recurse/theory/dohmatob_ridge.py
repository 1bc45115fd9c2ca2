"""Dohmatob et al.: risk of a ridge fit on labels of the g-th generator, for any spectrum.

With inputs of covariance Sigma, T samples and penalty lam, and ``kappa`` the solution of
``kappa = lam + kappa df1 / T``, ``df_k = tr Sigma^k (Sigma + kappa)^-k``,

    ``[kappa^2 w*'Sigma (Sigma+kappa)^-2 w*] / (1 - df2/T) + sigma^2 df2 / (T - df2)``
    ``+ (r_g / d) [df2 + kappa^2 tr (Sigma+kappa)^-2 df2 / (T - df2)]``

where ``r_g`` is the risk of the generator itself: its error has covariance ``(r_g / d) Sigma^-1``,
since least squares does not know the spectrum. Leading order in 1/T. Without a penalty the student
is least squares too, and its risk ``r_g + sigma^2 d / (T - d - 1)`` is exact where ``r_g`` is.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from recurse.theory.law import Curve, CurveKind, Law, link_of, usage_of
from recurse.theory.linear_risk import expected_risk, is_exact, least_squares_refusal
from recurse.theory.moments import Vector

CITE = "Dohmatob et al. 2402.07712 (ridge, deterministic equivalent); checked by simulation"
CITE_PLAIN = "Dohmatob et al. 2402.07712 (least squares)"


class DohmatobRidge(Law):
    """Expected ``ridge_risk`` over seeds, coefficients included."""

    name: ClassVar[str] = "dohmatob_ridge"
    families: ClassVar[tuple[str, ...]] = ("linear",)
    metrics: ClassVar[tuple[str, ...]] = ("ridge_risk",)

    def refusal(self, arm: Any) -> str | None:
        if not any(metric.kind == "ridge_risk" for metric in arm.metrics):
            return "no metric ridge_risk"
        reason = least_squares_refusal(arm)
        if reason is not None:
            return reason
        return None if link_of(arm) == 1.0 else "stated for uncorrected data"

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        source = arm.source
        (metric,) = (metric for metric in arm.metrics if metric.kind == "ridge_risk")
        used = usage_of(arm)

        def risk() -> Vector:
            return expected_risk(used, source.dim, source.design, 1.0)[0]

        def plain() -> Vector:
            own = source.dim / (metric.samples - source.dim - 1)
            return np.asarray(source.noise**2 * (risk() + own))

        def penalised() -> Vector:
            spectrum = _squares(source.deviations, source.dim)
            weights = _squares(source.scales, source.dim)
            own, passed = student(spectrum, weights, source.noise, metric.samples, metric.ridge)
            return np.asarray(own + passed * source.noise**2 * risk() / source.dim)

        if metric.ridge:
            return (Curve("ridge_risk", "asymptotic", "large-n ridge", penalised, CITE),)
        kind: CurveKind = "exact" if is_exact(used, source.design, 1.0) else "asymptotic"
        return (Curve("ridge_risk", kind, "expectation (no penalty)", plain, CITE_PLAIN),)


def student(
    spectrum: Vector, weights: Vector, noise: float, samples: int, ridge: float
) -> tuple[float, float]:
    """The risk on labels of the truth, and what each unit of ``r_g / d`` adds to it.

    Args:
        spectrum: variances of the inputs, ``[d]``.
        weights: ``E w*_j^2``, ``[d]``.
        noise: standard deviation of the labels.
        samples: T.
        ridge: lam.
    """
    kappa = effective_penalty(spectrum, samples, ridge)
    inverse = 1.0 / (spectrum + kappa)
    df2 = float(np.sum((spectrum * inverse) ** 2))
    bias = kappa**2 * float(np.sum(weights * spectrum * inverse**2)) / (1.0 - df2 / samples)
    variance = df2 / (samples - df2)
    passed = df2 + kappa**2 * float(np.sum(inverse**2)) * variance
    return bias + noise**2 * variance, passed


def effective_penalty(spectrum: Vector, samples: int, ridge: float) -> float:
    """``kappa = lam + kappa tr Sigma (Sigma + kappa)^-1 / T``; 0 for least squares with T > d."""
    if ridge == 0.0 and samples > len(spectrum):
        return 0.0

    def excess(log: float) -> float:
        kappa = np.exp(log)
        return float(kappa - ridge - kappa * np.sum(spectrum / (spectrum + kappa)) / samples)

    # At the upper end kappa exceeds lam by the whole trace; the lower end is below any solution.
    from scipy.optimize import brentq  # a quarter of a second, for those who need it

    upper = np.log(ridge + np.sum(spectrum) / samples) + 1e-9
    return float(np.exp(brentq(excess, np.log(np.finfo(float).tiny), upper, xtol=1e-13)))


def _squares(values: Vector | None, dim: int) -> Vector:
    return np.ones(dim) if values is None else values**2
