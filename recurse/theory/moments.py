"""First and second moments of a self-consuming loop, exactly, for any schedule.

Write every sample relative to the true mean. Model t has mean ``mu_t`` (a weighted average of its
training samples) and samples from it have mean ``mu_t`` and a covariance of expected trace ``v_t``,
given everything earlier (with a sampling bias lambda: ``lambda v_t``). All that is needed are
expected inner products:

- ``pair[a, b]``: of two different samples, one of class a and one of class b;
- ``second[a]``: of a sample of class a with itself, ``v_s + m_s`` if model s made it.

A class is a stretch of one pool whose samples every fit so far has treated alike, so that they are
exchangeable; or several pools that every later fit treats alike, so that averages over them are
enough. With weights ``u`` per sample (adding up to one) over classes of ``n`` samples,

    ``P_t[a] = E<x_a, mu_t> = sum_b pair[a, b] n_b u_b + u_a (second[a] - pair[a, a])``
    ``m_t = E||mu_t||^2 = sum_a n_a u_a P_t[a]``
    ``v_t = inflation_t (sum_a n_a u_a second[a] - m_t)``

with inflation 1 for the maximum-likelihood covariance and N / (N - 1) for the unbiased one. A pool
drawn from model t has ``pair[new, a] = P_t[a]`` with every class that exists and ``m_t`` within
itself; new real data have 0. A budget of k samples drawn from N without replacement leaves
``P_t`` as it is and gives ``m_t = E x^2 / k + (1 - 1/k) c`` with c the mean of ``pair`` over
distinct samples of the union; with replacement c is the squared length of the union's mean.
Derived here for any schedule, checked by simulation in tests/theory; replace and accumulate are in
Alemohammad et al. 2307.01850 and Kazdan et al. 2410.16713.

Linear regression on a reused design follows the same recursion: a pool of k copies of the design is
k samples ``w_s + e`` with ``v`` constant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recurse.theory.usage import REAL_CODE, Portion, Usage

Vector = NDArray[np.float64]

MAX_CLASSES = 2048
"""More classes at one time than this (32 MB, seconds of work) and the law is left out."""
_GONE = -1


@dataclass(frozen=True, eq=False)
class Moments:
    """``E||mu_t - mu||^2`` and ``E tr Sigma_t``, each ``[G+1]``, in units of the true trace."""

    error: Vector
    spread: Vector


def moments(
    usage: Usage,
    inflation: Vector | None,
    link: float = 1.0,
    bias: float = 1.0,
    curvature: float = 0.0,
) -> Moments:
    """The recursion for a true covariance of trace 1.

    Args:
        usage: the samples that each fit sees.
        inflation: ``[G+1]``, the covariance's factor; None: it does not depend on the samples.
        link: probability that a synthetic sample comes from its model and not from the truth.
        bias: the factor on a model's covariance when it is sampled from.
        curvature: without ``inflation``, every covariance has trace ``1 + curvature E||mu_t||^2``
            (families whose variance is a quadratic function of a mean that is fitted unbiased).

    Raises:
        ValueError: too many classes; or a budget over samples of unequal weight.
    """
    if reason := unsolvable(usage):
        raise ValueError(reason)
    error, spread = np.empty(len(usage.fits)), np.empty(len(usage.fits))
    classes = _Classes()
    mean_product = np.zeros(0)
    for g, fit in enumerate(usage.fits):
        if g > 0 and (needed := usage.needed[2 * g]):
            second = link * (error[g - 1] + bias * spread[g - 1]) + (1 - link)
            classes.add(2 * g, int(needed), second, link**2 * error[g - 1], link * mean_product)
        truth = 2 * g + 1 if g > 0 else REAL_CODE
        if needed := usage.needed[truth]:
            classes.add(truth, int(needed), 1.0, 0.0, np.zeros(classes.count))
        mean_product, square, second_moment = classes.average(fit)
        error[g] = _error(fit, square, second_moment)
        spread[g] = 1.0 + curvature * error[g]
        if inflation is not None:
            spread[g] = inflation[g] * (second_moment - error[g])
        mean_product = classes.forget(fit, mean_product)
    return Moments(error, spread)


def unsolvable(usage: Usage) -> str | None:
    """Why the recursion cannot be run, or None; nothing is computed.

    No more classes come to be than pools are alive: no fit takes more of a pool than one before it
    did (``recurse.schedule.flaw``), so a class is cut only where the rest is dropped.
    """
    if usage.alive > MAX_CLASSES:
        return f"more than {MAX_CLASSES} kinds of samples have to be told apart"
    if any(fit.budget is not None and not fit.even for fit in usage.fits):
        return "a budget is drawn from samples of unequal weight"
    return None


def _error(fit: Portion, pooled: float, second: float) -> float:
    """``E||mu_t||^2`` from that of the union's mean and the mean second moment."""
    if fit.budget is None:
        return pooled
    size, k = fit.pooled, fit.budget
    if fit.replacement:
        other = pooled
    else:
        other = (pooled - second / size) / (1 - 1 / size) if size > 1 else 0.0
    return second / k + (1 - 1 / k) * other


class _Classes:
    """The classes that some later fit can still use, with their expected inner products."""

    def __init__(self) -> None:
        self.count = 0
        self.pool = np.zeros(0, dtype=np.int64)
        self.start = np.zeros(0, dtype=np.int64)
        self.extent = np.zeros(0, dtype=np.int64)
        """Samples of each of its pools; ``size`` is those of all of them."""
        self.size = np.zeros(0, dtype=np.int64)
        self.second = np.zeros(0)
        self._pair = np.zeros((8, 8))

    @property
    def pair(self) -> Vector:
        """``[S, S]``, a view."""
        return self._pair[: self.count, : self.count]

    def add(
        self, pool: int, size: int, second: float, within: float, links: Vector, start: int = 0
    ) -> None:
        """A new class: ``size`` samples of a pool from ``start`` on."""
        n = self.count
        if n == len(self._pair):
            self._pair = np.pad(self._pair, (0, n))
        self._pair[n, :n] = self._pair[:n, n] = links
        self._pair[n, n] = within
        self.pool, self.start = np.append(self.pool, pool), np.append(self.start, start)
        self.extent, self.size = np.append(self.extent, size), np.append(self.size, size)
        self.second = np.append(self.second, second)
        self.count = n + 1

    def average(self, fit: Portion) -> tuple[Vector, float, float]:
        """Three moments of the weighted mean of all that a fit can see: its product with a sample
        of each class ``[S]``, its expected squared length, and the mean of second moments.
        """
        weights = self._weights(fit)
        share = weights * self.size
        own = weights * (self.second - np.diagonal(self.pair))
        product = self.pair @ share + own
        return product, float(share @ product), float(share @ self.second)

    def _weights(self, fit: Portion) -> Vector:
        """Weight per sample of each class ``[S]``, one in total; cuts classes used in part."""
        take, weight = fit.of(self.pool)
        cut = np.flatnonzero((self.start < take) & (take < self.start + self.extent))
        for c in cut:
            end = self.start[c] + self.extent[c]
            self.extent[c] = self.size[c] = take[c] - self.start[c]
            row = self.pair[c].copy()
            self.add(self.pool[c], end - take[c], self.second[c], row[c], row, take[c])
        if len(cut):
            take, weight = fit.of(self.pool)
        weights = np.where(self.start < take, weight, 0.0)
        return np.asarray(weights / (weights @ self.size), dtype=np.float64)

    def forget(self, fit: Portion, product: Vector) -> Vector:
        """Drop samples that no later fit uses and join classes that none tells apart; returns
        ``product`` for the classes that stay.
        """
        left = fit.left(self.pool, self.start + self.extent) - self.start
        self.size, self.extent = self.size // self.extent * left, left
        for pool in fit.alike:
            self._join(pool, product)
        if self.extent.min() > 0:
            return product
        stay = np.flatnonzero(self.extent > 0)
        self._pair[: len(stay), : len(stay)] = self.pair[np.ix_(stay, stay)]
        self.pool, self.start, self.second = self.pool[stay], self.start[stay], self.second[stay]
        self.extent, self.size, self.count = self.extent[stay], self.size[stay], len(stay)
        return product[stay]

    def _join(self, pool: int, product: Vector) -> None:
        """Make one class of a pool and its neighbour. A fit that uses both alike needs averages
        over their samples and over pairs of two different samples only.
        """
        found = np.flatnonzero((self.pool == pool) | (self.pool == pool - 2))
        if len(found) != 2 or self.extent[found[0]] != self.extent[found[1]]:
            return  # in several pieces still
        kept, gone = found
        n = self.size[found].astype(np.float64)
        share = n / n.sum()
        same = n * (n - 1.0) @ np.diagonal(self.pair)[found]
        within = (same + 2.0 * n.prod() * self.pair[kept, gone]) / (n.sum() * (n.sum() - 1.0))
        self.pair[kept] = self.pair[:, kept] = share @ self.pair[found]
        self.pair[kept, kept] = within
        self.second[kept], product[kept] = share @ self.second[found], share @ product[found]
        self.pool[kept], self.size[kept] = pool, self.size[found].sum()
        self.pool[gone], self.extent[gone] = _GONE, 0
