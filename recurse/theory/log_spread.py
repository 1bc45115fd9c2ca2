"""The typical spread of a refitted Gaussian: log det Sigma is a random walk with a known drift.

A fit on n samples of one model s has ``Sigma_g = L_s W L_s' / divisor`` with W Wishart of n - 1
degrees, so ``log det Sigma_g - log det Sigma_s`` is a sum of log chi-squares:
``E log det W = sum_{i<d} (psi((n - 1 - i)/2) + log 2)``. In one dimension, unbiased, the drift of
``log sigma`` is ``(psi((n-1)/2) - log((n-1)/2))/2``, about ``-1/(2(n-1))`` per generation, although
the mean of the variance does not change.

The pivots of a covariance shrink at rates of their own, ``psi((n - 1 - i)/2)``. Once the last is
lost beside the first in double precision there is no more to measure, and the curve ends.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from recurse.numerics.digamma import psi, trigamma
from recurse.theory.gaussian_moments import alone, bias_of
from recurse.theory.law import Curve, Law, corrector_link, usage_of

APART = 26.0
"""The furthest that the logarithms of pivots may lie apart: 5e-12, a thousand times rounding."""
LATE = 4.0
"""Standard deviations by which a seed may be ahead of the mean."""
CITE = "mean of log chi-squares; Alemohammad et al. 2307.01850, Suresh et al. 2412.17646"


class LogSpread(Law):
    """``E log(det Sigma_g / det Sigma) / 2d`` where every fit sees samples of one model only."""

    name: ClassVar[str] = "log_spread"
    families: ClassVar[tuple[str, ...]] = ("gaussian",)
    metrics: ClassVar[tuple[str, ...]] = ("log_spread",)

    def refusal(self, arm: Any) -> str | None:
        if arm.source.kind != "gaussian":
            return f"the spread of a {arm.source.kind} source is not known"
        if corrector_link(arm) != 1.0 or arm.sampler.kind not in ("none", "bias"):
            return "stated for uncorrected data, drawn from the model or with a bias"
        if bias_of(arm) == 0.0:
            return "nothing is left of the spread"
        chain = alone(usage_of(arm), _unbiased(arm))
        if chain is None:
            return "stated for fits on the samples of one model only"
        if min(n for n, _, _ in chain) <= arm.source.dim:
            return "a covariance of so few samples is singular"
        return None

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        chain = alone(usage_of(arm), _unbiased(arm))
        assert chain is not None
        dim, found = arm.source.dim, np.zeros(arm.generations + 1)
        apart, noise = np.zeros_like(found), np.zeros_like(found)
        for g, (n, divisor, model) in enumerate(chain):
            ends, wishart = _pivots(n, dim)
            origin = found[model] + math.log(bias_of(arm)) / 2 if model >= 0 else 0.0
            found[g] = origin + (wishart - math.log(divisor)) / 2
            before = (apart[model], noise[model]) if model >= 0 else (0.0, 0.0)
            apart[g] = before[0] + psi(ends[0]) - psi(ends[1])
            noise[g] = before[1] + (trigamma(ends[0]) + trigamma(ends[1])) * (dim > 1)
        found[apart + LATE * np.sqrt(noise) > APART] = np.nan
        name = f"expectation ({arm.model.estimator} covariance)"
        return (Curve("log_spread", "exact", name, found, CITE),)


@lru_cache(maxsize=64)
def _pivots(n: int, dim: int) -> tuple[tuple[float, float], float]:
    """Half the degrees of the first and the last pivot, and the mean of ``log det W`` over d."""
    halves = [(n - 1 - i) / 2 for i in range(dim)]
    return (halves[0], halves[-1]), sum(map(psi, halves)) / dim + math.log(2.0)


def _unbiased(arm: Any) -> bool:
    return bool(arm.model.estimator == "unbiased")
