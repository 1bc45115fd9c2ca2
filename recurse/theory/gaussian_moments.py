"""Expected error of the mean and expected variance of a refitted Gaussian, for any schedule."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from recurse.schedule import Schedule
from recurse.theory.law import Curve, Law, corrector_link, usage_of
from recurse.theory.moments import Moments, Vector, moments, unsolvable
from recurse.theory.usage import Usage, is_synthetic, usage

CITE = "recursion of the moments (recurse.theory.moments); Kazdan et al. 2410.16713 for accumulate"
CITE_W2 = (
    "derived from the mean of a chi variable; the chain is that of Alemohammad et al. 2307.01850"
)


class GaussianMoments(Law):
    """``E||mu_g - mu||^2``, ``E tr Sigma_g / tr Sigma``, and in one dimension some ``E W2^2``."""

    name: ClassVar[str] = "gaussian_moments"
    families: ClassVar[tuple[str, ...]] = ("gaussian",)
    metrics: ClassVar[tuple[str, ...]] = ("mean_error", "variance_ratio", "w2")

    def refusal(self, arm: Any) -> str | None:
        if arm.source.kind != "gaussian":
            return f"the moments of a {arm.source.kind} source are not known"
        if corrector_link(arm) is None or arm.sampler.kind not in ("none", "bias"):
            return f"no law for the {arm.corrector.kind} corrector with sampler {arm.sampler.kind}"
        used = usage_of(arm)
        if _unbiased(arm) and np.any(_total_weight(used) <= 1):
            return "the unbiased covariance needs a total weight above 1"
        return unsolvable(used)

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        trace = float(np.trace(arm.source.matrix))
        name = f"expectation ({arm.model.estimator} covariance)"
        found = [
            Curve("mean_error", "exact", name, lambda: trace * _solved(arm).error, CITE),
            Curve("variance_ratio", "exact", name, lambda: _solved(arm).spread, CITE),
        ]
        deviation = None
        if corrector_link(arm) == 1.0:
            deviation = _deviation(usage_of(arm), _unbiased(arm), bias_of(arm))
        if arm.source.dim == 1 and deviation is not None:

            def w2() -> Vector:
                solved = _solved(arm)
                return trace * (solved.error + solved.spread + 1.0 - 2.0 * deviation)

            found.append(Curve("w2", "exact", name, w2, CITE_W2))
        return tuple(found)


def bias_of(arm: Any) -> float:
    """The factor on a model's covariance when it is sampled from (MAD's lambda)."""
    return float(arm.sampler.strength) if arm.sampler.kind == "bias" else 1.0


def _unbiased(arm: Any) -> bool:
    return bool(arm.model.estimator == "unbiased")


def _solved(arm: Any) -> Moments:
    return _solve(arm.schedule, _unbiased(arm), corrector_link(arm), bias_of(arm))


@lru_cache(maxsize=256)  # claims and the plan of each arm ask, one after the other
def _solve(schedule: Schedule, unbiased: bool, link: float, bias: float) -> Moments:
    used = usage(schedule)
    inflation = np.ones(len(used.fits))
    if unbiased:
        total = _total_weight(used)
        inflation = total / (total - 1.0)
    return moments(used, inflation, link, bias)


def _total_weight(used: Usage) -> Vector:
    """The weight that each fit sees ``[G+1]``; the unbiased covariance divides by one less."""
    return np.array([fit.weight for fit in used.fits])


def alone(used: Usage, unbiased: bool) -> list[tuple[int, float, int]] | None:
    """Size, divisor of the scatter in samples, and model of origin (-1: the truth) of each fit.

    None if a fit sees samples of several models, or a sample twice: then no covariance is a Wishart
    multiple of another.
    """
    found = []
    for fit in used.fits:
        runs = fit.runs
        if len(runs.starts) > 1 or not runs.single or fit.replacement or fit.size < 2:
            return None
        divisor = fit.size - (1.0 / float(runs.weights[0]) if unbiased else 0.0)
        model = int(runs.starts[0]) // 2 - 1 if is_synthetic(runs.starts)[0] else -1
        found.append((fit.size, divisor, model))
    return found


def _deviation(used: Usage, unbiased: bool, bias: float) -> Vector | None:
    """``E sigma_g / sigma`` ``[G+1]`` in one dimension if every fit sees samples of one model only.

    Then ``sigma_g = sigma_s chi_{n-1} / sqrt(divisor)``, the chi independent of model s, and
    ``E chi_{n-1} = sqrt(2) Gamma(n/2) / Gamma((n-1)/2)``. A sampling bias turns ``sigma_s`` into
    ``sqrt(bias) sigma_s``.
    """
    chain = alone(used, unbiased)
    if chain is None:
        return None
    found = np.ones(len(chain))
    for g, (n, divisor, model) in enumerate(chain):
        chi = math.sqrt(2.0) * math.exp(math.lgamma(n / 2) - math.lgamma((n - 1) / 2))
        origin = math.sqrt(bias) * found[model] if model >= 0 else 1.0
        found[g] = origin * chi / math.sqrt(divisor)
    return found
