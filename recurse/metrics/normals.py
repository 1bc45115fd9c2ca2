"""The Wasserstein-2 distance between normal distributions, in closed form."""

from __future__ import annotations

from typing import Any

from recurse.families import wishart
from recurse.numerics.arrays import Array


def squared_w2(xp: Any, mean: Array, covariance: Array, mean0: Array, covariance0: Array) -> Array:
    """``||m - m0||^2 + tr(S + S0 - 2 (S0^1/2 S S0^1/2)^1/2)`` for each replicate: ``[R]``.

    The trace of the root is the sum of the singular values of ``L0' L``, Cholesky factors of both
    matrices (Dowson & Landau 1982), which stays accurate when a covariance has collapsed.
    """
    lower, lower0 = wishart.factor(xp, covariance), wishart.factor(xp, covariance0)
    cross = xp.matmul(xp.matrix_transpose(lower0), lower)
    singular = xp.linalg.svdvals(cross)
    traces = _trace(xp, covariance) + _trace(xp, covariance0)
    return xp.sum((mean - mean0) ** 2, axis=-1) + traces - 2.0 * xp.sum(singular, axis=-1)


def moments(xp: Any, x: Array) -> tuple[Array, Array]:
    """Mean ``[..., d]`` and unbiased covariance ``[..., d, d]`` of samples ``[..., n, d]``."""
    mean = xp.mean(x, axis=-2)
    centred = x - mean[..., None, :]
    return mean, xp.matmul(xp.matrix_transpose(centred), centred) / (x.shape[-2] - 1)


def _trace(xp: Any, matrix: Array) -> Array:
    return xp.sum(xp.linalg.diagonal(matrix), axis=-1)
