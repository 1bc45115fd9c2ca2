"""Expectation-maximisation of many mixtures at once: the arithmetic of a step, and its start.

A log-density is linear in the features ``(x x', x, 1)``, so each half of a step is one product of
matrices: coefficients by features, shares by features. Features are kept as rows ``[R, f, n]``, so
that every pass over samples is one over neighbours in memory.
"""

from __future__ import annotations

import math
from typing import Any

from recurse.backend import Array

GONE = 1e-12
"""The share of all weight below which a component is gone."""
_LEAST = -500.0  # the logarithm of a share that is none
_LOST = 1e-300  # the weight of a component that is gone: its logarithm stays finite


def features(xp: Any, x: Array) -> Array:
    """``(x x', x, 1)`` of samples ``[R, d, n]``: ``[R, d^2 + d + 1, n]``."""
    replicates, dim, n = x.shape
    square = xp.reshape(x[:, :, None, :] * x[:, None, :, :], (replicates, dim * dim, n))
    return xp.concat([square, x, xp.ones_like(x[:, :1, :])], axis=1)


def coefficients(xp: Any, weights: Array, means: Array, covariances: Array) -> Array:
    """Of ``log w_k + log N(x; m_k, S_k)`` in the features: ``[..., k, d^2 + d + 1]``."""
    dim = means.shape[-1]
    precision, logdet = inverse(xp, covariances)
    linear = xp.sum(precision * means[..., None, :], axis=-1)
    constant = xp.log(weights) - 0.5 * (xp.sum(means * linear, axis=-1) + logdet)
    constant = constant - 0.5 * dim * math.log(2.0 * math.pi)
    flat = xp.reshape(-0.5 * precision, (*means.shape[:-1], dim * dim))
    return xp.concat([flat, linear, constant[..., None]], axis=-1)


def inverse(xp: Any, covariances: Array) -> tuple[Array, Array]:
    """Inverses ``[..., d, d]`` and logarithms of determinants ``[...]``.

    On the line and in the plane they are written out: LAPACK's calls for small matrices would take
    longer than all other arithmetic of a step.
    """
    dim = covariances.shape[-1]
    if dim == 1:
        return 1.0 / covariances, xp.log(covariances[..., 0, 0])
    if dim > 2:
        return xp.linalg.inv(covariances), xp.linalg.slogdet(covariances)[1]
    flat = xp.reshape(covariances, (*covariances.shape[:-2], 4))
    a, b, _, c = xp.unstack(flat, axis=-1)
    det = a * c - b * b
    turned = xp.reshape(xp.stack([c, -b, -b, a], axis=-1), covariances.shape)
    return turned / det[..., None, None], xp.log(det)


def shares(xp: Any, logs: Array, weight: Array) -> tuple[Array, Array]:
    """Shares of the components times the weights, and the weighted sum of ``log p``.

    From ``log w_k p_k(x)`` ``[R, S, k, n]`` and weights ``[R, 1, n]``.
    """
    top = xp.max(logs, axis=2, keepdims=True)
    # Numbers that underflow cost thirty times as much as others.
    odds = xp.exp(xp.clip(logs - top, min=_LEAST))
    total = xp.sum(odds, axis=2, keepdims=True)
    weight = weight[:, :, None, :]
    level = xp.sum((top + xp.log(total)) * weight, axis=(2, 3))
    return odds * (weight / total), level


def kept(xp: Any, sums: Array, before: Array) -> Array:
    """Sums ``[R, S, k, f]`` of features by share; where nothing is left, those from before."""
    lost = before * (_LOST / before[..., -1:])
    return xp.where(sums[..., -1:] > GONE, sums, lost)


def products(xp: Any, left: Array, right: Array) -> Array:
    """``[R, S, k, a]`` by ``[R, a, b]``, as one product per replicate."""
    replicates, starts, k, size = left.shape
    found = xp.matmul(xp.reshape(left, (replicates, starts * k, size)), right)
    return xp.reshape(found, (replicates, starts, k, found.shape[-1]))


def plus_plus(xp: Any, x: Array, weight: Array, seeds: Array) -> Array:
    """Means ``[R, S, k, d]`` picked from samples ``[R, d, n]`` by greedy k-means++.

    Each is a sample picked by its squared distance to those before it: of several picks, by uniform
    numbers ``seeds [R, S, k, t]``, the one that leaves the smallest squares
    (Arthur & Vassilvitskii 2007, section 5).
    """
    replicates, dim, n = x.shape
    _, starts, k, trials = seeds.shape
    rows = xp.matrix_transpose(x)
    norm = xp.sum(x**2, axis=1, keepdims=True)
    lifted = xp.concat([x, norm, xp.ones_like(norm)], axis=1)
    mass = xp.broadcast_to(weight[:, None, :], (replicates, starts, n))
    near = xp.ones_like(mass)
    order = xp.arange(trials)[None, None, :]
    means = []
    for place in range(k):
        odds = mass * near
        # Fewer different samples than components: all distances are 0, and any sample will do.
        odds = xp.where(xp.sum(odds, axis=2, keepdims=True) > 0.0, odds, mass)
        ends = xp.cumulative_sum(odds, axis=2)
        passed = ends[:, :, None, :] <= seeds[:, :, place, :, None] * ends[:, :, None, -1:]
        index = xp.clip(xp.count_nonzero(passed, axis=3), max=n - 1)
        index = xp.reshape(index, (replicates, starts * trials, 1))
        index = xp.broadcast_to(index, (*index.shape[:2], dim))
        picked = xp.take_along_axis(rows, index, axis=1)
        squares = xp.sum(picked**2, axis=2, keepdims=True)
        parts = xp.concat([-2.0 * picked, xp.ones_like(squares), squares], axis=2)
        gap = xp.reshape(xp.matmul(parts, lifted), (replicates, starts, trials, n))
        if place > 0:
            gap = xp.minimum(gap, near[:, :, None, :])
        best = xp.argmin(products(xp, gap, weight[:, :, None])[..., 0], axis=2)
        chosen = (order == best[..., None])[..., None]
        near = xp.clip(xp.sum(xp.where(chosen, gap, 0.0), axis=2), min=0.0)
        picked = xp.reshape(picked, (replicates, starts, trials, dim))
        means.append(xp.sum(xp.where(chosen, picked, 0.0), axis=2))
    return xp.stack(means, axis=2)


def nearest(xp: Any, x: Array, weight: Array, means: Array) -> Array:
    """The weight of a sample where a mean is the nearest to it, else 0: ``[R, S, k, n]``.

    Of samples ``[R, d, n]`` and means ``[R, S, k, d]``; means equally near have both the sample.
    """
    score = products(xp, means, x) - 0.5 * xp.sum(means**2, axis=3, keepdims=True)
    first = score >= xp.max(score, axis=2, keepdims=True)
    return xp.where(first, weight[:, None, None, :], 0.0)
