"""Counts by inversion: the quantile itself, large means, and how much two models share."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from recurse.numerics.inversion import LARGEST, inverted_counts, poisson_quantile
from recurse.numerics.streams import stream
from tests.statistics_checks import z_test


def test_quantile_is_that_of_the_law() -> None:
    """``P(X < k) <= u < P(X <= k)`` up to rounding, over more numbers than are searched at once."""
    generator = stream(0, 0, "quantile")
    mean = np.exp(generator.uniform(-9.0, np.log(LARGEST), (3, 20_000)))
    u = generator.random(mean.shape)
    k = poisson_quantile(u, mean)
    assert (stats.poisson.cdf(k, mean) > u - 1e-14).all()
    assert (stats.poisson.cdf(k - 1, mean) <= u + 1e-14).all()


def test_ends_of_the_quantile() -> None:
    last = 1.0 - 2.0**-53
    u = np.array([0.0, last, 0.5, last, last])
    mean = np.array([0.0, LARGEST, 1e-300, 1e-17, 0.0])
    found = poisson_quantile(u, mean)
    assert found[[0, 2, 3, 4]].tolist() == [0.0, 0.0, 0.0, 0.0]
    assert stats.poisson.sf(found[1] - 1, LARGEST) == pytest.approx(2.0**-53, rel=0.9)


def test_means_of_every_size_are_met() -> None:
    """Inverted below 30, drawn above; nothing where there is no mean or it is beyond 1e15."""
    mean = np.array([0.3, 29.0, 31.0, 1e6, 1e16, np.nan])
    means = np.broadcast_to(mean[:, None], (6, 40_000))
    given = inverted_counts(means, stream(1, 0, "u").random(means.shape))
    drawn = np.stack([given(stream(2, r, "counts"), r) for r in range(6)])
    assert np.isnan(drawn[4:]).all()
    scaled = (drawn[:4] - means[:4]) / np.sqrt(means[:4])
    moments = np.concatenate([scaled, scaled**2]).T
    # Detectable: 4 % of a standard deviation, 9 % of a variance (that of the least mean).
    assert (z_test(moments, [0.0] * 4 + [1.0] * 4) < 0.09).all()


def test_models_that_are_near_draw_alike() -> None:
    """Means one per cent apart give counts that differ once in a hundred, not in two of three."""
    u = stream(3, 0, "u").random((1, 20_000))
    low, high = (inverted_counts(np.full_like(u, mean), u) for mean in (1.0, 1.01))
    difference = high(stream(4, 0, "a"), 0) - low(stream(4, 0, "b"), 0)
    assert (difference >= 0).all()
    assert 0.005 < difference.mean() < 0.015
