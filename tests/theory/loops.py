"""Self-consuming loops in the plainest way, sample by sample, to check the theory against.

Nothing here knows of moments, classes or sufficient statistics. Arrays are ``[R, n, d]``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recurse.schedule import REAL, Pool, Row, Schedule

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """A policy given by its rows, for generations 1, 2, ..."""

    rows: tuple[Row, ...]

    def row(self, generation: int, real: int, synthetic: int, fresh: int) -> Row:
        return self.rows[generation - 1]


def gaussian_loop(
    schedule: Schedule,
    replicates: int,
    seed: int,
    root: Array,
    *,
    unbiased: bool = False,
    gamma: float = 0.0,
) -> tuple[Array, Array, Array]:
    """Squared error of the mean, trace of the covariance, mean standard deviation: ``[R, G+1]``.

    ``root [d, d]``: the true covariance is ``root root'``; the true mean is (1, ..., 1).
    """
    rng = np.random.default_rng(seed)
    dim = len(root)

    def truth(n: int) -> Array:
        return 1.0 + rng.normal(size=(replicates, n, dim)) @ root.T

    pools: dict[Pool, Array] = {REAL: truth(schedule.real)}
    found: list[tuple[Array, Array, Array]] = []
    mean, covariance = np.zeros((replicates, dim)), np.zeros((replicates, dim, dim))
    for g, row in enumerate(schedule):
        if g and row.synthesise:
            z = rng.normal(size=(replicates, row.synthesise, dim))
            own = mean[:, None] + z @ _root(covariance).transpose(0, 2, 1)
            corrected = rng.random((replicates, row.synthesise, 1)) < gamma / (1 + gamma)
            pools[Pool("synthetic", g)] = np.where(corrected, truth(row.synthesise), own)
        if g and row.fresh:
            pools[Pool("fresh", g)] = truth(row.fresh)
        (x,), w = training_set(row, {pool: (data,) for pool, data in pools.items()}, rng)
        mean = np.sum(x * w[..., None], axis=1) / w.sum(axis=1)[:, None]
        centred = x - mean[:, None]
        covariance = (centred * w[..., None]).transpose(0, 2, 1) @ centred
        covariance /= (w.sum(axis=1) - unbiased)[:, None, None]
        trace = np.trace(covariance, axis1=1, axis2=2)
        deviation = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2)).mean(axis=1)
        found.append((np.sum((mean - 1.0) ** 2, axis=1), trace, deviation))
    errors, traces, deviations = (np.stack(part, axis=1) for part in zip(*found, strict=True))
    return errors, traces, deviations


def linear_loop(
    schedule: Schedule,
    replicates: int,
    seed: int,
    dim: int,
    *,
    reused: bool,
    noise: float = 1.0,
    gamma: float = 0.0,
) -> Array:
    """``||w_g - w*||^2`` of least squares, ``[R, G+1]``; ``w* = (1, ..., 1)``."""
    rng = np.random.default_rng(seed)

    def label(x: Array, w: Array) -> Array:
        clean: Array = (x @ w[..., None])[..., 0]
        return clean + noise * rng.normal(size=x.shape[:2])

    def inputs(n: int) -> Array:
        return rng.normal(size=(replicates, n, dim))

    star = np.ones((replicates, dim))
    design = inputs(schedule.real)
    pools: dict[Pool, tuple[Array, ...]] = {REAL: (design, label(design, star)[..., None])}
    weights: Array = star
    found: list[Array] = []
    for g, row in enumerate(schedule):
        if g and row.synthesise:
            n = row.synthesise
            x = np.tile(design, (1, n // schedule.real, 1)) if reused else inputs(n)
            corrected = rng.random((replicates, n)) < gamma / (1 + gamma)
            y = np.where(corrected, label(x, star), label(x, weights))
            pools[Pool("synthetic", g)] = (x, y[..., None])
        if g and row.fresh:
            x = np.tile(design, (1, row.fresh // schedule.real, 1)) if reused else inputs(row.fresh)
            pools[Pool("fresh", g)] = (x, label(x, star)[..., None])
        (x, y), w = training_set(row, pools, rng)
        weighted = (x * w[..., None]).transpose(0, 2, 1)
        weights = np.asarray(np.linalg.solve(weighted @ x, weighted @ y)[..., 0], dtype=np.float64)
        found.append(np.sum((weights - star) ** 2, axis=1))
    return np.stack(found, axis=1)


def training_set(
    row: Row, pools: dict[Pool, tuple[Array, ...]], rng: np.random.Generator
) -> tuple[tuple[Array, ...], Array]:
    """The fields ``[R, n, ...]`` and weights ``[R, n]`` that a row names, cut to its budget."""
    columns = zip(*(tuple(f[:, : u.take] for f in pools[u.pool]) for u in row.uses), strict=True)
    fields = tuple(np.concatenate(column, axis=1) for column in columns)
    replicates, n = fields[0].shape[:2]
    weights = np.concatenate([np.full(use.take, use.weight) for use in row.uses])
    weights = np.broadcast_to(weights, (replicates, n))
    if row.budget is None:
        return fields, weights
    if row.replacement:
        picks = rng.integers(n, size=(replicates, row.budget))
    else:
        picks = np.argsort(rng.random((replicates, n)), axis=1)[:, : row.budget]
    chosen = tuple(np.take_along_axis(field, picks[..., None], axis=1) for field in fields)
    return chosen, np.take_along_axis(weights, picks, axis=1)


def _root(covariance: Array) -> Array:
    """A matrix whose product with its transpose is ``covariance``, which may be singular."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :], dtype=np.float64)
