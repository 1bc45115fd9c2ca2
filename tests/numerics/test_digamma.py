"""Digamma and trigamma against SciPy's."""

from __future__ import annotations

import numpy as np
from scipy.special import polygamma
from scipy.special import psi as digamma

from recurse.numerics.digamma import psi, trigamma


def test_derivatives_of_log_gamma() -> None:
    for x in [0.5, 1.0, 1.5, 2.0, 4.5, 11.5, 12.0, 12.5, 49.5, 1e3, 1e8]:
        assert np.isclose(psi(x), digamma(x), rtol=2e-14, atol=2e-15)
        assert np.isclose(trigamma(x), polygamma(1, x), rtol=2e-14, atol=0.0)
