"""The Wishart law by Bartlett's decomposition: scatter matrices without drawing the samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurse.numerics.arrays import Array
from recurse.numerics.streams import ChiSquare, Draw, Normal

_EPS = float(np.finfo(np.float64).eps)
_LEAST = 1e-307


def request(dim: int, df: int) -> dict[str, Draw]:
    """The numbers behind one Bartlett factor: chi-squares on the diagonal, normals below it."""
    width = min(dim, df)
    below = sum(min(row, width) for row in range(dim))
    return {
        "diagonal": ChiSquare(tuple(df - row for row in range(width))),
        "below": Normal((below,)),
    }


def bartlett(xp: Any, diagonal: Array, below: Array, dim: int) -> Array:
    """A factor ``A [R, d, d]`` with ``A A' ~ Wishart(I_d, df)``; also for ``df < d`` (rank df).

    Source: Bartlett 1933; the trapezoidal form is the QR decomposition of ``d x df`` normals.
    """
    width = diagonal.shape[1]
    index = np.zeros((dim, dim), dtype=np.int64)
    place = 1 + width
    for row in range(dim):
        if row < width:
            index[row, row] = 1 + row
        for column in range(min(row, width)):
            index[row, column] = place
            place += 1
    zero = xp.zeros((diagonal.shape[0], 1), dtype=xp.float64)
    values = xp.concat([zero, xp.sqrt(diagonal), below], axis=1)
    taken = xp.take(values, xp.asarray(index.reshape(-1)), axis=1)
    return xp.reshape(taken, (-1, dim, dim))


def factor(xp: Any, covariance: Array) -> Array:
    """A lower factor ``L [R, d, d]`` with ``L L' = covariance``, up to rounding.

    Each variance is raised by ``8 eps d`` of itself, the level of rounding, so that a matrix that
    is singular (fewer samples than dimensions) has a factor too: the units of a coordinate do not
    matter. A variance below 1e-307 counts as that.
    """
    dim = covariance.shape[-1]
    variance = xp.linalg.diagonal(covariance)
    # Not xp.clip: what is not a number stays so.
    scale = xp.sqrt(xp.where(variance < _LEAST, _LEAST, variance))
    unit = scale[:, :, None] * scale[:, None, :]
    identity = xp.eye(dim, dtype=xp.float64)[None, ...]
    small = xp.where(variance < _LEAST, variance, 0.0) / _LEAST
    missing = xp.where(variance < _LEAST, 1.0 - small, 8 * _EPS * dim)
    correlation = covariance / unit + missing[:, :, None] * identity
    return scale[:, :, None] * xp.linalg.cholesky(correlation)


def host_bartlett(draws: dict[str, NDArray[Any]], dim: int) -> NDArray[np.float64]:
    """``bartlett`` on NumPy arrays."""
    factor_: NDArray[np.float64] = bartlett(np, draws["diagonal"], draws["below"], dim)
    return factor_
