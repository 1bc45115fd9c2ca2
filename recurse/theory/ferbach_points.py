"""Ferbach et al. for points: curation of a mixture by nearness, without sampling noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from recurse.theory.ferbach import infinite, promised
from recurse.theory.law import Curve, Law

CITE = "Ferbach et al. 2407.09499, equations 6 and 8; quadrature here"
CITE_KL = "Ferbach et al. 2407.09499, Theorem 2.4"
NODES = {1: 64, 2: 24}
"""Nodes of Gauss and Hermite along each axis of a mode, by dimension."""
_TIMES = np.exp(np.linspace(-32.0, 16.0, 700))
Vector = NDArray[np.float64]


class FerbachPoints(Law):
    """Mixtures, large n: ``p'(x) = p(x) H(x)``, for a model that follows every such law.

    ``H(x) = K g(x) int_0^inf e^{-t g(x)} (E e^{-t g})^{K-1} dt`` with ``g = e^r``, from
    ``1/s = int e^{-ts} dt``: for any K it takes the law of one reward only.
    """

    name: ClassVar[str] = "ferbach_points"
    families: ClassVar[tuple[str, ...]] = ("gmm", "kde")
    metrics: ClassVar[tuple[str, ...]] = ("mode_kl", "point_reward")

    def refusal(self, arm: Any) -> str | None:
        judge = arm.corrector
        if judge.kind != "curation" or judge.nearness is None:
            return "stated for curation by nearness to a target"
        if arm.source.kind != "mixture" or arm.source.centers.shape[1] not in NODES:
            return "stated for mixtures on a line or in the plane"
        if arm.sampler.kind != "none":
            return "stated for models sampled as they are"
        if judge.nearness.strength * _reach(arm) > 12.0:
            return "the rewards differ by too much for the quadrature"
        return None

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        judge = arm.corrector
        x, weight, mode = _atoms(arm.source)
        gap = np.sqrt(np.sum((x - np.asarray(judge.nearness.target)) ** 2, axis=1))
        clipped = np.maximum(gap - judge.nearness.radius, 0.0)
        gain = np.exp(-judge.nearness.strength * clipped)

        @cache
        def path() -> Vector:
            return infinite(arm.schedule, weight, lambda law: curated(law, gain, judge.k))

        return tuple(_drawn(arm, path, gain, mode))


def curated(p: Vector, gain: Vector, k: int) -> Vector:
    """The law ``[N]`` of the chosen one of k candidates, for atoms of ``gain = e^r``, ``[N]``."""
    if k == 1:
        return p
    steps = np.exp(-np.outer(_TIMES, gain))
    others = (steps @ p) ** (k - 1)
    # The trapezoid rule in log t: the integrand vanishes at both ends.
    weights = others * _TIMES * np.log(_TIMES[1] / _TIMES[0])
    chosen = p * k * gain * (weights @ steps)
    return np.asarray(chosen / chosen.sum(), dtype=np.float64)


def _drawn(
    arm: Any, path: Callable[[], Vector], gain: Vector, mode: NDArray[np.int64]
) -> Iterator[Curve]:
    def divergence() -> Vector:
        laws = [np.bincount(mode, weights=law, minlength=mode.max() + 1) for law in path()]
        shares = np.stack(laws)
        safe = np.where(shares > 0, shares, 1.0)
        return np.asarray(np.sum(shares * np.log(safe / arm.source.shares), axis=1))

    yield Curve("mode_kl", "asymptotic", "infinite data", divergence, CITE)
    ratios = _ratios(arm.schedule)
    k = arm.corrector.k
    if len(ratios) == 1 and 0.0 < (ratio := ratios.pop()) * (k - 1) < 1.0:
        limit = np.full(arm.generations + 1, -math.log1p(-ratio * (k - 1)))
        yield Curve("mode_kl", "bound", "Theorem 2.4: -log(1 - lambda (K-1))", limit, CITE_KL)
    for metric in arm.metrics:
        if metric.kind != "point_reward" or metric.nearness != arm.corrector.nearness:
            continue
        yield Curve("point_reward", "asymptotic", "infinite data", lambda: path() @ gain, CITE)
        yield from promised(arm, "point_reward", path, gain)


def _ratios(schedule: Any) -> set[float]:
    """Every generation's synthetic to real data, lambda; infinite without real data."""
    found = set()
    for row in list(schedule)[1:]:
        sums = {True: 0.0, False: 0.0}
        for use in row.uses:
            sums[use.pool.kind == "synthetic"] += use.take * use.weight
        found.add(sums[True] / sums[False] if sums[False] else math.inf)
    return found


def _reach(arm: Any) -> float:
    """The distance from the target within which samples can be expected."""
    away = arm.source.centers - np.asarray(arm.corrector.nearness.target)
    farthest = float(np.max(np.sqrt(np.sum(away**2, axis=1))))
    return max(
        farthest + 6.0 * float(arm.source.deviation) - float(arm.corrector.nearness.radius), 0.0
    )


def _atoms(source: Any) -> tuple[Vector, Vector, NDArray[np.int64]]:
    """Points ``[N, d]``, weights and modes ``[N]`` that stand for the source."""
    dim = source.centers.shape[1]
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES[dim])
    grid = np.stack(np.meshgrid(*[nodes] * dim, indexing="ij"), axis=-1).reshape(-1, dim)
    mass = np.stack(np.meshgrid(*[weights] * dim, indexing="ij"), axis=-1).reshape(-1, dim)
    each = np.prod(mass, axis=1) / np.prod(mass, axis=1).sum()
    x = source.centers[:, None, :] + source.deviation * grid[None]
    weight = source.shares[:, None] * each[None]
    mode = np.repeat(np.arange(len(source.centers)), len(each))
    return x.reshape(-1, dim), weight.reshape(-1), mode
