"""Yi et al.: a loop that a reference model verifies contracts to the reference, right or wrong."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from recurse.theory.law import Curve, Law, usage_of
from recurse.theory.linear_risk import input_variances, least_squares_refusal
from recurse.theory.workflow import workflow

CITE = "Yi et al. 2510.16657; map of the truncated labels derived in recurse.theory.yi"
Vector = NDArray[np.float64]
WIDE = 1e-9
"""The ``1 - v^2`` that rounding leaves: a window that cuts off less contracts to nothing."""


class Yi(Law):
    """Least squares on labels ``y`` with ``|y - x.c| <= h``; replace, large n.

    With ``w = c + D u`` and ``x.u = t`` the gap ``y - x.c`` of a kept label is a normal number of
    mean ``D t`` truncated to ``[-h, h]``: it is kept with probability ``k(t)`` and has mean
    ``m(t)``. The next fit is ``c + D' u`` with ``D' = E[t k m] / E[t^2 k]``, t standard normal: a
    contraction to the reference with factor ``v = Var/noise^2`` of the truncated noise near it.
    Finite n adds ``V' = v^2 V + noise^2 v d / (k n - d - 1)``, to leading order in ``D``.
    Lengths are in the metric of the risk, in which inputs of any covariance are isotropic.
    """

    name: ClassVar[str] = "yi"
    families: ClassVar[tuple[str, ...]] = ("linear",)
    metrics: ClassVar[tuple[str, ...]] = ("excess_risk",)

    def refusal(self, arm: Any) -> str | None:
        judge = arm.corrector
        if judge.kind != "verifier" or judge.reference is None:
            return "stated for a verifier with a reference model"
        if reason := least_squares_refusal(arm):
            return reason
        if judge.reference.radius or (judge.phi, judge.psi) != (1.0, 0.0):
            return "the map is derived for a window of constant width that decides alone"
        if arm.source.noise == 0 or judge.reference.tolerance == 0:
            return "stated for labels with noise and a window with a width"
        if arm.source.design != "fresh" or arm.sampler.kind != "none":
            return "stated for new inputs in each generation and the model's own labels"
        flow = workflow(usage_of(arm))
        if flow is None or flow.kind != "replace":
            return "stated for replace with equal counts in all generations"
        if flow.n * contraction_near(arm)[0] < 2 * (arm.source.dim + 1):
            return "too few samples are kept"
        return None

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        flow = workflow(usage_of(arm))
        assert flow is not None
        dim, noise, far = arm.source.dim, arm.source.noise, distance_of(arm)
        share, inner = contraction_near(arm)
        added, n = noise**2 * inner * dim / (share * flow.n - dim - 1), flow.n

        def risk() -> Vector:
            distance, spread = far, noise**2 * dim / (n - dim - 1)
            values = np.empty(arm.generations + 1)
            for g in range(len(values)):
                if g:
                    distance, spread = step(arm, distance), inner**2 * spread + added
                values[g] = (far - distance) ** 2 + spread
            return values

        found = [Curve("excess_risk", "asymptotic", "large n", risk, CITE)]
        if (contracts := 1.0 - inner**2) > WIDE:
            limit = np.full(arm.generations + 1, far**2 + added / contracts)
            found.append(Curve("excess_risk", "asymptotic", "at the reference", limit, CITE))
        return tuple(found)


def distance_of(arm: Any) -> float:
    """The distance from truth to reference; the offset is the same along every coordinate."""
    variance = np.mean(input_variances(arm.source))
    return float(abs(arm.corrector.reference.offset) * np.sqrt(variance))


def contraction_near(arm: Any) -> tuple[float, float]:
    """The share kept and the contraction factor at the reference: ``k(0)`` and ``v``.

    ``v`` is the variance of a standard normal number within the window; 12 is as good as infinity.
    """
    width = arm.corrector.reference.tolerance / arm.source.noise
    nodes, weights = np.polynomial.legendre.leggauss(64)
    x = 0.5 * min(width, 12.0) * (nodes + 1.0)
    mass = weights * np.exp(-0.5 * x**2)
    return math.erf(width / math.sqrt(2.0)), float(mass @ x**2 / mass.sum())


def step(arm: Any, distance: float) -> float:
    """``D'`` of a model at distance ``D`` from the reference, with infinite data."""
    points, weights = np.polynomial.hermite_e.hermegauss(64)
    share, mean = _gaps(arm, distance * points)
    return float((weights * points * share * mean).sum() / (weights * points**2 * share).sum())


def _gaps(arm: Any, centres: Vector) -> tuple[Vector, Vector]:
    """The share of gaps ``N(centre, noise^2)`` within the window, and the mean of those."""
    from scipy.special import ndtr

    noise, width = arm.source.noise, arm.corrector.reference.tolerance
    low, high = (-width - centres) / noise, (width - centres) / noise
    share = ndtr(high) - ndtr(low)
    densities = [np.exp(-0.5 * edge**2) / np.sqrt(2.0 * np.pi) for edge in (low, high)]
    return share, centres + noise * (densities[0] - densities[1]) / np.maximum(share, 1e-300)
