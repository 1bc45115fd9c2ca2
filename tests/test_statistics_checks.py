"""The checks themselves: they pass what is true, fail what is false, and keep their power."""

from __future__ import annotations

import numpy as np
import pytest

from tests.statistics_checks import detectable, same_mean, z_test


def test_a_true_mean_passes_and_the_detectable_shift_is_found() -> None:
    values = np.random.default_rng(1).normal(2.0, 3.0, size=(10_000, 4))
    shift = z_test(values, np.full(4, 2.0))
    assert shift.shape == (4,)
    assert np.allclose(shift, 7.5 * 3.0 / 100, rtol=0.05)
    with pytest.raises(AssertionError, match=r"entry \(2,\)"):
        z_test(values, np.array([2.0, 2.0, 2.0 + 1.2 * shift[2], 2.0]))


def test_the_stated_power_is_reached() -> None:
    """A shift of exactly ``detectable`` is found in 99 % of 2000 tries (level 1e-6, binomial)."""
    rng = np.random.default_rng(2)
    shift = float(detectable(1.0, 100, alpha=1e-3))
    found = 0
    for _ in range(2000):
        try:
            z_test(rng.normal(shift, 1.0, 100), 0.0, alpha=1e-3)
        except AssertionError:
            found += 1
    assert abs(found / 2000 - 0.99) < 5 * np.sqrt(0.99 * 0.01 / 2000)


def test_two_samples() -> None:
    rng = np.random.default_rng(3)
    left, right = rng.normal(0, 1, (4000, 2)), rng.normal(0, 2, (1000, 2))
    gap = same_mean(left, right)
    with pytest.raises(AssertionError):
        same_mean(left + 1.3 * gap, right)


def test_not_finite_is_a_failure() -> None:
    with pytest.raises(AssertionError, match="finite"):
        z_test(np.array([1.0, np.nan]), 1.0)
