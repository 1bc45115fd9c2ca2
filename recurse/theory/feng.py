"""Feng et al.: pruned labels teach the right sign if and only if the error rate is below p*."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from recurse.theory.law import Curve, Law, usage_of
from recurse.theory.linear_risk import contraction, input_variances, least_squares_refusal
from recurse.theory.workflow import workflow

CITE = "Feng et al. 2406.07515, Theorem 4.2"
CITE_RISK = "derived in recurse.theory.feng, with step 2 of recurse.theory.linear_risk"


class Feng(Law):
    """Least squares on labels of which a share ``p`` is turned, then verified; replace.

    Of ``n`` samples ``N ~ Binomial(n, (1-p) phi + p psi)`` are kept, and a kept label is wrong with
    probability ``q = p psi / (p psi + (1-p) phi)``; it is below 1/2 iff ``p < 1/(1 + psi/phi)``.
    With ``B`` the Gram matrix of the wrong rows and ``G`` of all kept ones,
    ``w_g = (I - 2 G^{-1} B) w_{g-1} + G^{-1} X'e``. So ``E w_g = (1-2q) w_{g-1}`` and
    ``E||w_g||^2 = (1 - 4q + 4 rho) E||w_{g-1}||^2 + noise^2 d E[1/(N-d-1)]``, with
    ``rho = E||G^{-1} B u||^2`` for a unit vector: exact for normal inputs, new in each generation.
    Lengths are in the metric of the risk, in which inputs of any covariance are isotropic.
    """

    name: ClassVar[str] = "feng"
    families: ClassVar[tuple[str, ...]] = ("linear",)
    metrics: ClassVar[tuple[str, ...]] = ("excess_risk", "sign_accuracy")

    def refusal(self, arm: Any) -> str | None:
        if arm.corrector.kind != "verifier" or arm.corrector.error is None:
            return "stated for a verifier of turned labels"
        if reason := least_squares_refusal(arm):
            return reason
        if arm.source.design != "fresh" or arm.sampler.kind != "none":
            return "stated for new inputs in each generation and the model's own labels"
        flow = workflow(usage_of(arm))
        if flow is None or flow.kind != "replace":
            return "stated for replace with equal counts in all generations"
        if _lost(flow.n, arm.corrector, arm.source.dim) > 1e-9:
            return "too few samples are kept for a finite expected risk"
        return None

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        dim, noise, judge = arm.source.dim, arm.source.noise, arm.corrector
        flow = workflow(usage_of(arm))
        assert flow is not None
        wrong, n = judge.kept_error, flow.n

        def risk() -> NDArray[np.float64]:
            counts, chances = kept(n, judge, dim)
            rho = chances @ np.array([contraction(int(k), int(k), dim, wrong) for k in counts])
            added = noise**2 * dim * (chances @ (1.0 / (counts - dim - 1)))
            norm = signal(arm.source)
            inner, square = norm, norm + noise**2 * dim / (n - dim - 1)
            found = np.empty(arm.generations + 1)
            for g in range(len(found)):
                if g:
                    square = square * (1.0 - 4.0 * wrong + 4.0 * rho) + added
                    inner *= 1.0 - 2.0 * wrong
                found[g] = square - 2.0 * inner + norm
            return found

        signs = np.sign(1.0 - 2.0 * wrong) ** np.arange(arm.generations + 1)
        return (
            Curve("excess_risk", "exact", "expectation", risk, CITE_RISK),
            Curve("sign_accuracy", "asymptotic", "infinite data", (1.0 + signs) / 2.0, CITE),
        )


def signal(source: Any) -> float:
    """``E||w*||^2`` in the metric of the risk: the variance of the labels without their noise."""
    scales = np.ones(source.dim) if source.scales is None else source.scales
    return float(input_variances(source) @ scales**2)


def _rate(judge: Any) -> float:
    """The probability that a sample is kept."""
    return float((1.0 - judge.error) * judge.phi + judge.error * judge.psi)


def _lost(n: int, judge: Any, dim: int) -> float:
    """The probability that fewer than ``d + 4`` of ``n`` samples are kept."""
    rate, few = _rate(judge), range(min(dim + 4, n + 1))
    if rate in (0.0, 1.0):
        return float(rate == 0.0 or n < dim + 4)
    odds, whole = math.log(rate) - math.log1p(-rate), math.lgamma(n + 1) + n * math.log1p(-rate)
    logs = (whole - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * odds for k in few)
    return sum(map(math.exp, logs))


def kept(n: int, judge: Any, dim: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The possible numbers of samples kept of ``n``, from ``d + 4`` on, and their probabilities."""
    from scipy.stats import binom

    rate = _rate(judge)
    counts = np.arange(dim + 4, n + 1)
    chances = binom.pmf(counts, n, rate)
    likely = chances > 1e-15
    return counts[likely], chances[likely]
