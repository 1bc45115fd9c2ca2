"""Alemohammad et al.: with fresh real data the loop settles where the first sample is forgotten.

With ``n_r`` fresh and ``n_s`` synthetic samples, N together, and synthetic ones drawn with bias
lambda, the error of the mean m and the spread s (both over the true trace) obey exactly

    ``m' = (n_s/N)^2 m + (n_r + n_s lambda s) / N^2``
    ``s' = (n_r - 1 + n_s/N + (n_s - 1 + n_r/N) lambda s + (n_r n_s / N) m) / (N - 1)``

(N in place of N - 1 for the maximum-likelihood covariance). The fixed point is drawn here; it is
derived, the paper has it by simulation (its limit point, independent of the initial sample).
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from recurse.theory.gaussian_moments import bias_of
from recurse.theory.he import mixes
from recurse.theory.law import Curve, Law, corrector_link, usage_of

CITE = "Alemohammad et al. 2307.01850 (fresh data loop); fixed point derived in recurse.theory.mad"


class Mad(Law):
    """Fresh data loop of a Gaussian with a sampling bias: where it settles, at any n."""

    name: ClassVar[str] = "mad"
    families: ClassVar[tuple[str, ...]] = ("gaussian",)
    metrics: ClassVar[tuple[str, ...]] = ("mean_error", "variance_ratio")

    def refusal(self, arm: Any) -> str | None:
        if arm.source.kind != "gaussian":
            return f"the moments of a {arm.source.kind} source are not known"
        if corrector_link(arm) != 1.0 or arm.sampler.kind not in ("none", "bias"):
            return "stated for uncorrected data, drawn from the model or with a bias"
        fits = usage_of(arm).fits
        later = list(enumerate(fits))[1:]
        if not later or not all(fit.even and mixes(fit, fits[1], g) for g, fit in later):
            return "stated for the same counts of fresh real and synthetic samples each time"
        return None

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        fit = usage_of(arm).fits[1]
        real = fit.pools % 2 == 1
        unbiased = bool(arm.model.estimator == "unbiased")
        m, s = settled(int(fit.takes[real][0]), int(fit.takes[~real][0]), bias_of(arm), unbiased)
        trace, level = float(np.trace(arm.source.matrix)), np.ones(arm.generations + 1)
        name = "many generations: fixed point"
        return (
            Curve("mean_error", "asymptotic", name, trace * m * level, CITE),
            Curve("variance_ratio", "asymptotic", name, s * level, CITE),
        )


def settled(real: int, synthetic: int, bias: float, unbiased: bool) -> tuple[float, float]:
    """The fixed point (m, s)."""
    n = real + synthetic
    divisor = n - unbiased
    steps = np.array(
        [
            [(synthetic / n) ** 2, synthetic * bias / n**2],
            [real * synthetic / n / divisor, (synthetic - 1 + real / n) * bias / divisor],
        ]
    )
    constant = np.array([real / n**2, (real - 1 + synthetic / n) / divisor])
    m, s = np.linalg.solve(np.eye(2) - steps, constant)
    return float(m), float(s)
