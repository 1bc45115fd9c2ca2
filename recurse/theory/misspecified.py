"""Bertrand et al. where the model does not hold the data: the rate of contraction is another.

A Laplace law of fixed width b is fitted to fresh normal data of deviation s and to lambda times as
many samples of the last model. With infinite data the next center m solves

    ``Phi(m/s) + lambda F((m - theta)/b) = (1 + lambda)/2``,

F the Laplace distribution function. At the optimum its derivative is ``lambda r / (1 + lambda r)``
with ``r = H2/H1 = s sqrt(pi/2) / b``, the Fisher information of the model over the curvature of the
data's log-likelihood. A model that holds the data has r = 1. So epsilon > 0 acts as lambda r in
place of lambda, which is what ``lambda (1 + epsilon L / alpha)`` in the paper's condition says; but
the rate is below 1 for every finite lambda and every r.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from recurse.theory.he import mixes
from recurse.theory.law import Curve, Law, link_of, usage_of

CITE = "setting of Bertrand et al. 2310.00429; rate derived in recurse.theory.misspecified"
Floats = NDArray[np.float64]


class Misspecified(Law):
    """``E (theta - center)^2`` of a Laplace model under fresh normal data."""

    name: ClassVar[str] = "misspecified"
    families: ClassVar[tuple[str, ...]] = ("laplace",)
    metrics: ClassVar[tuple[str, ...]] = ("parameter_error",)

    def refusal(self, arm: Any) -> str | None:
        if link_of(arm) != 1.0:
            return "stated for uncorrected data"
        fits = usage_of(arm).fits
        later = list(enumerate(fits))[1:]
        if fits[0].size % 2 == 0:
            return "stated for an odd number of real samples, whose median is one of them"
        if not later or not all(fit.even and mixes(fit, fits[1], g) for g, fit in later):
            return "stated for the same counts of fresh real and synthetic samples each time"
        return None

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        fits = usage_of(arm).fits
        real = fits[1].pools % 2 == 1
        ratio = int(fits[1].takes[~real][0]) / int(fits[1].takes[real][0])
        s, b = float(arm.source.scale), float(arm.model.width)

        def error() -> Floats:
            theta, weights = first_median(fits[0].size)
            theta, floor = s * theta, 0.0
            share = information(s, b)
            rate = ratio * share / (1.0 + ratio * share)
            density = (1.0 / (s * np.sqrt(2.0 * np.pi)) + ratio / (2.0 * b)) / (1.0 + ratio)
            found = [float(weights @ theta**2)]
            for _ in range(arm.generations):
                theta = next_center(theta, ratio, s, b)
                floor = rate**2 * floor + 0.25 / (fits[1].size * density**2)
                found.append(float(weights @ theta**2) + floor)
            return np.array(found)

        def plain() -> Floats:
            theta, weights = first_median(fits[0].size)
            step = np.arange(arm.generations + 1.0)
            first = float(weights @ (s * theta) ** 2)
            return np.asarray(first * np.power(ratio / (1.0 + ratio), 2.0 * step))

        return (
            Curve("parameter_error", "asymptotic", "large n: contraction", error, CITE),
            Curve("parameter_error", "asymptotic", "if the model held the data", plain, CITE),
        )


def information(s: float, b: float) -> float:
    """``H2/H1`` of a Laplace law of width b at normal data of deviation s: ``s sqrt(pi/2) / b``."""
    return s * float(np.sqrt(np.pi / 2.0)) / b


def first_median(n: int) -> tuple[Floats, Floats]:
    """Points and weights of the law of the median of ``n`` standard normal numbers, n odd."""
    from scipy.special import betaincinv, ndtri

    nodes, weights = np.polynomial.legendre.leggauss(400)
    u = 0.5 * (nodes + 1.0)
    return ndtri(betaincinv((n + 1) / 2, (n + 1) / 2, u)), 0.5 * weights


def next_center(theta: Floats, ratio: float, s: float, b: float) -> Floats:
    """The center after one more fit to infinite data, by bisection between 0 and ``theta``."""
    from scipy.special import ndtr

    low, high = np.minimum(theta, 0.0), np.maximum(theta, 0.0)
    for _ in range(60):
        middle = 0.5 * (low + high)
        z = (middle - theta) / b
        below = np.where(z < 0, 0.5 * np.exp(np.minimum(z, 0.0)), 1.0 - 0.5 * np.exp(-np.abs(z)))
        over = ndtr(middle / s) + ratio * below > 0.5 * (1.0 + ratio)
        low, high = np.where(over, low, middle), np.where(over, middle, high)
    return 0.5 * (low + high)
