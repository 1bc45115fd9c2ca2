"""Expectation-maximisation of many mixtures at once: the arithmetic of a step, and its start.

A log-density is linear in the features ``(x x', x, 1)``, so each half of a step is one product of
matrices: coefficients by features, shares by features. Features are kept as rows ``[R, f, n]``, so
that every pass over samples is one over neighbours in memory. On NumPy and torch a call takes as
long as the arithmetic of a small fit: there are no more of them than needed.
"""

from __future__ import annotations

import math
from typing import Any

from recurse.numerics.arrays import Array

GONE = 1e-12
"""The share of all weight below which a component is gone."""
_LEAST = -500.0  # the logarithm of a share that is none
LOST = 1e-200
"""The weight of a component that is gone: it has a logarithm, and outweighs n shares of none."""
_NO_DISTANCE = 1e-300
_ROUNDS = 3  # of k-means after the seeding; what uses the means makes the fourth


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
    inner = xp.sum(means * linear, axis=-1) + logdet + dim * math.log(2.0 * math.pi)
    constant = xp.log(weights) - 0.5 * inner
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
    a, b, c = flat[..., 0], flat[..., 1], flat[..., 3]
    det, minus = a * c - b * b, -b
    turned = xp.stack([c, minus, minus, a], axis=-1) / det[..., None]
    return xp.reshape(turned, covariances.shape), xp.log(det)


def shares(xp: Any, logs: Array, weight: Array) -> tuple[Array, Array]:
    """Shares of the components ``[R, S, k, n]``, and the weighted sum of ``log p`` ``[R, S]``.

    From ``log w_k p_k(x)`` ``[R, S, k, n]`` and weights ``[R, 1, 1, n]``.
    """
    top = xp.max(logs, axis=2, keepdims=True)
    # Numbers that underflow cost thirty times as much as others.
    odds = xp.exp(xp.maximum(logs, top + _LEAST) - top)
    total = xp.sum(odds, axis=2, keepdims=True)
    level = xp.sum((top + xp.log(total)) * weight, axis=(2, 3))
    return odds / total, level


def products(xp: Any, left: Array, right: Array) -> Array:
    """``[R, S, k, a]`` by ``[R, a, b]``, as one product per replicate."""
    replicates, starts, k, size = left.shape
    found = xp.matmul(xp.reshape(left, (replicates, starts * k, size)), right)
    return xp.reshape(found, (replicates, starts, k, found.shape[-1]))


def k_means(xp: Any, x: Array, weight: Array, seeds: Array) -> Array:
    """Means ``[R, S, k, d]`` of samples ``[R, d, n]``: k-means++, then a few rounds."""
    rows = xp.concat([x, xp.ones_like(x[:, :1, :])], axis=1)
    x = rows[:, :-1, :]  # what is given may be every s-th number in memory
    means = plus_plus(xp, x, weight, seeds)
    columns = xp.matrix_transpose(rows * weight[:, None, :])
    for _ in range(_ROUNDS):
        sums = products(xp, nearest(xp, x, means), columns)
        # A mean that is nearest to nothing stays where it is.
        means = (sums[..., :-1] + LOST * means) / (sums[..., -1:] + LOST)
    return means


def plus_plus(xp: Any, x: Array, weight: Array, seeds: Array) -> Array:
    """Means ``[R, S, k, d]`` picked from samples ``[R, d, n]`` by greedy k-means++.

    Each is a sample picked by its squared distance to those before it: of several picks, by uniform
    numbers ``seeds [R, S, k, t]``, the one that leaves the smallest squares
    (Arthur & Vassilvitskii 2007, section 5).
    """
    replicates, dim, n = x.shape
    _, starts, k, trials = seeds.shape
    norm = xp.sum(x * x, axis=1, keepdims=True)
    ones = xp.ones_like(norm)
    # Their product is the squared distance of a sample to a sample.
    right = xp.concat([x, norm, ones], axis=1)
    left = xp.matrix_transpose(xp.concat([-2.0 * x, ones, norm], axis=1))
    near = xp.broadcast_to(ones, (replicates, starts, n))
    mass = weight[:, :, None]
    order = xp.arange(trials)[None, None, :]
    means = []
    for place in range(k):
        ends = xp.cumulative_sum(near * weight[:, None, :], axis=2)
        passed = ends[:, :, None, :-1] <= seeds[:, :, place, :, None] * ends[:, :, None, -1:]
        index = xp.reshape(xp.count_nonzero(passed, axis=3), (replicates, starts * trials, 1))
        index = xp.broadcast_to(index, (replicates, starts * trials, dim + 2))
        picked = xp.take_along_axis(left, index, axis=1)
        gap = xp.reshape(xp.matmul(picked, right), (replicates, starts, trials, n))
        if place > 0:
            gap = xp.minimum(gap, near[:, :, None, :])
        best = xp.argmin(products(xp, gap, mass)[..., 0], axis=2)
        chosen = xp.astype(order == best[..., None], xp.float64)[..., None]
        picked = xp.reshape(picked, (replicates, starts, trials, dim + 2))
        means.append(xp.sum(chosen * picked, axis=2)[..., :dim])
        # Rounding may leave a distance below 0. All 0, if the samples differ less than components:
        # any will do.
        near = xp.abs(xp.sum(chosen * gap, axis=2)) + _NO_DISTANCE
    return -0.5 * xp.stack(means, axis=2)


def nearest(xp: Any, x: Array, means: Array) -> Array:
    """1 where a mean is the nearest to a sample, else 0: ``[R, S, k, n]``.

    Of samples ``[R, d, n]`` and means ``[R, S, k, d]``; means equally near have both the sample.
    """
    score = products(xp, means, x) - 0.5 * xp.sum(means * means, axis=3, keepdims=True)
    return xp.astype(score >= xp.max(score, axis=2, keepdims=True), xp.float64)
