"""Derivatives of ``log Gamma``: the means and variances of logarithms of Gamma numbers."""

from __future__ import annotations

import math

_LARGE = 12.0
"""From here on the asymptotic series has all digits."""
_PSI = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760)
_TRIGAMMA = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730)
"""Coefficients of ``x^-2k`` and ``x^-(2k+1)``, k = 1 .. 6: Abramowitz & Stegun 6.3.18, 6.4.12."""


def psi(x: float) -> float:
    """``d/dx log Gamma(x)`` for x > 0, to rounding."""
    below = 0.0
    while x < _LARGE:
        below += 1.0 / x
        x += 1.0
    square = 1.0 / (x * x)
    series = sum(c * square ** (k + 1) for k, c in enumerate(_PSI))
    return math.log(x) - 0.5 / x - series - below


def trigamma(x: float) -> float:
    """``d^2/dx^2 log Gamma(x)`` for x > 0, to rounding."""
    below = 0.0
    while x < _LARGE:
        below += 1.0 / (x * x)
        x += 1.0
    square = 1.0 / (x * x)
    series = sum(c * square ** (k + 1) for k, c in enumerate(_TRIGAMMA))
    return 1.0 / x + 0.5 * square + series / x + below
