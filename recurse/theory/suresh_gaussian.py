"""Suresh, Thangaraj & Khandavally: how fast a Gaussian loses its spread under replace."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from recurse.numerics.digamma import psi, trigamma
from recurse.theory.law import Curve, Law, usage_of
from recurse.theory.survival import plain_refusal
from recurse.theory.workflow import workflow

CITE = "Suresh, Thangaraj & Khandavally 2412.17646, Theorem 3"
CITE_BERTRAND = "Bertrand et al. 2310.00429, as in Suresh et al. 2412.17646"
CITE_WALK = "log sigma is a random walk with log chi-square steps; derived"


class SureshGaussian(Law):
    """``P(sigma_g > threshold)`` in one dimension with the unbiased variance; k counts fits."""

    name: ClassVar[str] = "suresh_gaussian"
    families: ClassVar[tuple[str, ...]] = ("gaussian",)
    metrics: ClassVar[tuple[str, ...]] = ("deviation_above",)

    def refusal(self, arm: Any) -> str | None:
        if arm.source.kind != "gaussian" or arm.source.dim != 1:
            return "stated for a normal source of one dimension"
        if arm.model.estimator != "unbiased":
            return "stated for the unbiased variance"
        return plain_refusal(arm, ("replace",))

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        flow = workflow(usage_of(arm))
        assert flow is not None
        k = np.arange(1.0, arm.generations + 2)
        deviation = math.sqrt(arm.source.matrix[0, 0])
        return tuple(
            curve
            for metric in arm.metrics
            if metric.kind == "deviation_above" and flow.n > 1
            for curve in spread(flow.n, deviation / metric.threshold, k)
        )


def spread(n: int, ratio: float, k: NDArray[np.float64]) -> Iterator[Curve]:
    """The curves after k fits on n samples; ``ratio``: the true deviation over the threshold.

    By Markov's inequality for ``sigma^s``, which is a product of ``(chi^2_(n-1) / (n-1))^(s/2)``:
    s = 1 is the bound of Bertrand et al., s = 0.7 the one in the figures of Suresh et al.
    """
    half = (n - 1) / 2
    rates = {s: _log_moment(half, s / 2) for s in (1.0, 0.7)}
    bounds = (
        ("Theorem 3: exp(-k/(4n-1))", 1.0, -1.0 / (4 * n - 1), CITE),
        ("Bertrand: (E chi)^k", 1.0, rates[1.0], CITE_BERTRAND),
        ("Chernoff with power 0.7", 0.7, rates[0.7], CITE),
    )
    for name, power, rate, cite in bounds:
        values = np.minimum(ratio**power * np.exp(rate * k), 1.0)
        yield Curve("deviation_above", "bound", name, values, cite)

    def walk() -> NDArray[np.float64]:
        from scipy.special import ndtr

        drift, variance = 0.5 * (psi(half) - math.log(half)), 0.25 * trigamma(half)
        return np.asarray(ndtr((math.log(ratio) + k * drift) / np.sqrt(k * variance)))

    yield Curve("deviation_above", "asymptotic", "large k: normal log sigma", walk, CITE_WALK)


def _log_moment(half: float, power: float) -> float:
    """``log E (G / half)^power`` of a Gamma number G of shape ``half``."""
    return math.lgamma(half + power) - math.lgamma(half) - power * math.log(half)
