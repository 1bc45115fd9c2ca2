"""Normal laws cut off by a ball, and the root of the gradient that unlearning with a threshold has.

In coordinates in which the posterior q0 is standard normal, ``q0 > threshold max q0`` is the ball
``|z| < sqrt(2 ln 1/threshold)``. For ``z = a + L e`` with e standard normal let p, u, T be the
expectations of 1, e and ``e e'`` over the e that end inside. The log-likelihood of the flagged
data is ``const + b.z - z'Hz/2``, so the gradient of samples is

    ``a + p (b - H a) - H L u``  and  ``L - 1/diag(L) + (b - H a) u' - H L T``,

the second on and below its diagonal.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurse.numerics.arrays import Array, Arrays

WIDEST = 3
_RADIAL, _AROUND, _POLAR = 16, 20, 10
_FAR = 9.0  # further out lies less than 1e-16 of a normal law
_STEP = 1e-6  # of the difference quotients


@cache
def directions(dim: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points of the unit sphere ``[K, dim]`` and weights that add up to one."""
    if dim == 1:
        return np.array([[1.0], [-1.0]]), np.array([0.5, 0.5])
    angle = 2.0 * np.pi * np.arange(_AROUND) / _AROUND
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    if dim == 2:
        return circle, np.full(_AROUND, 1.0 / _AROUND)
    height, weight = np.polynomial.legendre.leggauss(_POLAR)
    flat = np.sqrt(1.0 - height**2)[:, None, None] * circle[None, :, :]
    tall = np.broadcast_to(height[:, None, None], (_POLAR, _AROUND, 1))
    points = np.concatenate([flat, tall], axis=2).reshape(-1, 3)
    return points, np.repeat(weight / (2.0 * _AROUND), _AROUND)


def moments(xp: Any, mean: Array, lower: Array, threshold: float) -> tuple[Array, Array, Array]:
    """``p [R]``, ``u [R, d]`` and ``T [R, d, d]``.

    Along each of the fixed directions e = r xi the inside is an interval of r, with ends that are
    smooth in a and L: Gauss-Legendre there.
    """
    dim = mean.shape[-1]
    points, weights = directions(dim)
    xi = xp.asarray(points.tolist(), dtype=xp.float64)
    share = xp.asarray(weights.tolist(), dtype=xp.float64)
    ray = xp.matmul(xi[None, ...], xp.matrix_transpose(lower))
    square = xp.sum(ray**2, axis=2)
    along = xp.sum(ray * mean[:, None, :], axis=2)
    outside = xp.sum(mean**2, axis=1)[:, None] - 2.0 * math.log(1.0 / threshold)
    inside = along**2 - square * outside
    hits = inside > 0.0
    reach = xp.sqrt(xp.where(hits, inside, xp.zeros_like(inside)))
    start = xp.clip((-along - reach) / square, min=0.0, max=_FAR)
    length = xp.clip((reach - along) / square, min=0.0, max=_FAR) - start
    nodes, parts = np.polynomial.legendre.leggauss(_RADIAL)
    place = xp.asarray((0.5 * (nodes + 1.0)).tolist(), dtype=xp.float64)
    part = xp.asarray((0.5 * parts).tolist(), dtype=xp.float64)
    r = start[..., None] + length[..., None] * place[None, None, :]
    constant = 1.0 if dim == 2 else math.sqrt(2.0 / math.pi)
    mass = constant * r ** (dim - 1) * xp.exp(-0.5 * r**2) * length[..., None]
    mass = mass * share[None, :, None] * part[None, None, :]
    p = xp.sum(mass, axis=(1, 2))
    u = xp.matmul(xp.sum(mass * r, axis=2)[:, None, :], xi[None, ...])[:, 0, :]
    second = xp.sum(mass * r**2, axis=2)[..., None] * xi[None, ...]
    return p, u, xp.matmul(xp.matrix_transpose(second), xi[None, ...] + xp.zeros_like(second))


def newton(xp: Any, state: Arrays, threshold: float, full: bool) -> dict[str, Array]:
    """One step for ``mean [R, d]`` and ``lower [R, d, d]`` (triangular if ``full``, else diagonal).

    Steps are at most 0.5 long in any number; ``error`` is the largest number of the gradient before
    the step. The diagonal of L is moved on a logarithmic scale.
    """
    mean, lower = state["mean"], state["lower"]
    replicates, dim = mean.shape
    rows, columns = np.tril_indices(dim, -1)
    below = list(zip(rows.tolist(), columns.tolist(), strict=True)) if full else []
    logs = xp.log(xp.linalg.diagonal(lower))
    packed = [mean, logs] + [lower[:, i, j][:, None] for i, j in below]
    point = xp.concat(packed, axis=1)
    size = point.shape[1]
    moved = xp.concat(
        [xp.zeros((1, size), dtype=xp.float64), _STEP * xp.eye(size, dtype=xp.float64)], axis=0
    )
    many = xp.reshape(point[:, None, :] + moved[None, ...], (-1, size))
    hessian, slope = (
        xp.reshape(
            xp.broadcast_to(values[:, None, ...], (replicates, size + 1, *values.shape[1:])),
            (-1, *values.shape[1:]),
        )
        for values in (state["hessian"], state["slope"])
    )
    value = _gradient(xp, many, hessian, slope, threshold, dim, below)
    value = xp.reshape(value, (replicates, size + 1, size))
    here = value[:, 0, :]
    jacobian = xp.matrix_transpose(value[:, 1:, :] - here[:, None, :]) / _STEP
    sound = xp.all(xp.isfinite(jacobian), axis=(1, 2))[:, None, None]
    eye = xp.eye(size, dtype=xp.float64)[None, ...] + xp.zeros_like(jacobian)
    step = xp.linalg.solve(xp.where(sound, jacobian, eye), here[..., None])[..., 0]
    longest = xp.max(xp.abs(step), axis=1)[:, None]
    step = step / xp.where(longest > 0.5, 2.0 * longest, xp.ones_like(longest))
    mean, lower = _unpacked(xp, point - step, dim, below)
    return {"mean": mean, "lower": lower, "error": xp.max(xp.abs(here), axis=1)}


def _unpacked(xp: Any, point: Array, dim: int, below: list[tuple[int, int]]) -> tuple[Array, Array]:
    eye = xp.eye(dim, dtype=xp.float64)
    lower = xp.exp(point[:, dim : 2 * dim])[..., None] * eye[None, ...]
    for place, (i, j) in enumerate(below):
        unit = eye[i, :][:, None] * eye[j, :][None, :]
        lower = lower + point[:, 2 * dim + place][:, None, None] * unit[None, ...]
    return point[:, :dim], lower


def _gradient(
    xp: Any,
    point: Array,
    hessian: Array,
    slope: Array,
    threshold: float,
    dim: int,
    below: list[tuple[int, int]],
) -> Array:
    mean, lower = _unpacked(xp, point, dim, below)
    p, u, second = moments(xp, mean, lower, threshold)
    force = slope - xp.matmul(hessian, mean[..., None])[..., 0]
    pull = xp.matmul(hessian, lower)
    for_mean = mean + p[:, None] * force - xp.matmul(pull, u[..., None])[..., 0]
    for_lower = lower + force[..., None] * u[:, None, :] - xp.matmul(pull, second)
    scale = xp.linalg.diagonal(lower)
    parts = [for_mean, scale * xp.linalg.diagonal(for_lower) - 1.0]
    return xp.concat(parts + [for_lower[:, i, j][:, None] for i, j in below], axis=1)
