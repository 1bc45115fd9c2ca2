"""The start of large-n laws: ``n`` times the error of a fit of n real samples, by metric."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurse.sources.glm import GlmSource

GLMS = ("logistic", "poisson_regression")


def first_fit(arm: Any) -> dict[str, Callable[[], float]]:
    """Functions that compute the leading order in n, by metric.

    For asymptotically linear estimators of the source's own law.
    """
    model, source = arm.model, arm.source
    if model.kind in GLMS:
        information = partial(inverse_information, source)
        return {"fisher_error": lambda: float(source.terms), "coefficient_error": information}
    if "theta" in model.parameters:
        return {"parameter_error": lambda: float(model.variance(source))}
    return {"mean_error": lambda: float(np.trace(source.matrix))}


def scaled(one: Callable[[], float], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values in units of what ``one`` computes."""
    return one() * values


def first_fit_refusal(arm: Any) -> str | None:
    """The reason why nothing is known of the first fit, or None."""
    if arm.source.law != arm.model.kind:
        return f"the moments of a {arm.source.kind} source are not known"
    if arm.model.kind in GLMS and arm.model.ridge > 0:
        return "a ridge penalty biases every fit"
    return None


@lru_cache(maxsize=32)
def inverse_information(source: GlmSource) -> float:
    """``E tr I^-1`` over the coefficients of the source.

    ``I`` is ``E v`` across the slope b and, of the intercept and along b, the matrix of ``E v``,
    ``E v Z`` and ``E v Z^2``. Over random coefficients by the trapezoidal rule in ``b_0`` and
    Simpson's in ``|b|``, to 1e-6.
    """
    if source.coefficients is None:
        grid = np.linspace(-8.0, 8.0, 65)
        length = np.linspace(0.0, source.dim**0.5 + 8.0, 201)
        power = (source.dim - 1) * np.log(np.maximum(length, 1e-300))
        log_mass = power - 0.5 * length**2
        simpson = np.where(np.arange(201) % 2 == 1, 4.0, 2.0) - (np.arange(201) % 200 == 0)
        mass = simpson * np.exp(log_mass - log_mass.max())
        both = mass if not source.intercept else np.exp(-0.5 * grid**2)[:, None] * mass
        chance = (both / both.sum()).ravel()
        constant = source.scale * (np.repeat(grid, len(length)) if source.intercept else 0 * length)
        slope = source.scale * np.tile(length, len(chance) // len(length))
    else:
        coef = np.asarray(source.coefficients, dtype=np.float64)
        constant = coef[:1] if source.intercept else np.zeros(1)
        slope = np.sqrt(np.sum(coef[source.intercept :] ** 2, keepdims=True))
        chance = np.ones(1)
    zero, first, second = source.weights(constant, slope)
    along = (zero + second) / (zero * second - first**2) if source.intercept else 1.0 / second
    return float(chance @ ((source.dim - 1) / zero + along))
