"""Student's t against SciPy, and where there is nothing to compute."""

from __future__ import annotations

import math

import pytest
from scipy.special import stdtr, stdtrit

from recurse.numerics.student import quantile, tail


@pytest.mark.parametrize("freedom", [1, 2, 3, 4.7, 9, 99, 9_999, 999_999])
def test_tail_and_quantile_are_those_of_scipy(freedom: float) -> None:
    for t in (0.0, 0.1, 1.0, 2.5, 8.0, -1.5):
        assert tail(t, freedom) == pytest.approx(float(stdtr(freedom, -t)), rel=1e-8, abs=1e-300)
    for above in (1e-12, 1e-5, 0.025, 0.3, 0.49, 0.8):
        assert quantile(above, freedom) == pytest.approx(-float(stdtrit(freedom, above)), rel=1e-8)


def test_a_quantile_has_its_tail_above() -> None:
    for freedom in (1, 4, 30, 1000):
        for above in (1e-15, 1e-9, 0.01, 0.4, 0.99):
            assert tail(quantile(above, freedom), freedom) == pytest.approx(above, rel=1e-9)


def test_the_ends_and_no_degree_of_freedom() -> None:
    assert tail(math.inf, 3) == 0 and tail(-math.inf, 3) == 1
    assert quantile(0.0, 3) == math.inf and quantile(1.0, 3) == -math.inf
    assert quantile(0.5, 3) == 0 and tail(0.0, 3) == 0.5
    assert all(math.isnan(v) for v in (tail(1.0, 0), quantile(0.1, 0), tail(math.nan, 3)))
