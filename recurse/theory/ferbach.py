"""Ferbach et al.: curation moves probability to the highest reward, round by round."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import combinations_with_replacement
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from recurse.theory.law import Curve, Law, usage_of

CITE = "Ferbach et al. 2407.09499, equation 6 (equation 8 with real data); exact sums here"
CITE_ROUND = "Ferbach et al. 2407.09499, Lemma 2.2, along the path of infinite data"
CITE_MIXED = "Ferbach et al. 2407.09499, Theorem 2.3"
LARGEST = 20_000
Vector = NDArray[np.float64]


class Ferbach(Law):
    """Symbols, large n: ``p'(x) = p(x) H(x)`` for curated samples, mixed as the schedule says."""

    name: ClassVar[str] = "ferbach"
    families: ClassVar[tuple[str, ...]] = ("categorical",)
    metrics: ClassVar[tuple[str, ...]] = ("entropy", "l2_error", "reward")

    def refusal(self, arm: Any) -> str | None:
        judge = arm.corrector
        if judge.kind != "curation" or judge.values is None:
            return "stated for curation by a reward of symbols"
        if arm.source.law != "categorical" or arm.sampler.kind != "none" or arm.model.smoothing:
            return "stated for a known law of symbols, sampled as it is and not smoothed"
        terms = math.comb(judge.k + len(judge.values) - 2, judge.k - 1)
        if terms > LARGEST:
            return f"a sum over {terms} sets of candidates; {LARGEST} are the most"
        return None

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        judge, p = arm.corrector, np.asarray(arm.source.p, dtype=np.float64)
        path = infinite(arm.schedule, p, lambda law: curated(law, judge.values, judge.k))
        safe = np.where(path > 0, path, 1.0)
        truth = path[0]
        found = [
            ("entropy", -np.sum(path * np.log(safe), axis=1)),
            ("l2_error", np.sum((path - truth) ** 2, axis=1)),
        ]
        for metric in arm.metrics:
            if metric.kind == "reward" and metric.values is not None:
                found.append(("reward", path @ np.exp(metric.values)))
        lines = [Curve(name, "asymptotic", "infinite data", v, CITE) for name, v in found]
        if any(m.kind == "reward" and m.values == arm.corrector.values for m in arm.metrics):
            lines += promised(arm, "reward", lambda: path, np.exp(np.asarray(judge.values)))
        return tuple(lines)


def curated(p: Vector, rewards: tuple[float, ...], k: int) -> Vector:
    """The law of the chosen one of k candidates, ``[K]``; exact.

    For k = 2 it is ``p(x) sum_y p(y) 2 e^{r(x)} / (e^{r(x)} + e^{r(y)})``.
    """
    gain = np.exp(np.asarray(rewards) - np.max(rewards))
    counts, sets = _sets(len(gain), k - 1)
    # log p of a symbol that is lost: a set that has it has probability 0.
    logs = np.log(np.where(p > 0, p, 1.0))
    chances = sets * np.exp(counts @ logs) * np.all((counts == 0) | (p > 0), axis=1)
    others = counts @ gain
    chosen = p * ((k * gain / (gain + others[:, None])) * chances[:, None]).sum(axis=0)
    result: Vector = chosen / chosen.sum()
    return result


@lru_cache(maxsize=16)
def _sets(symbols: int, size: int) -> tuple[Vector, Vector]:
    """Every multiset of ``size`` symbols as counts ``[M, K]``, and the number of its orders."""
    found = list(combinations_with_replacement(range(symbols), size))
    counts = np.zeros((len(found), symbols))
    for row, members in enumerate(found):
        np.add.at(counts[row], list(members), 1.0)
    orders = [
        math.factorial(size) / math.prod(math.factorial(int(c)) for c in row) for row in counts
    ]
    return counts, np.asarray(orders)


def promised(arm: Any, metric: str, path: Callable[[], Vector], gain: Vector) -> list[Curve]:
    """The paper's bounds on ``E e^r``: Lemma 2.2 round by round, Theorem 2.3 with real data.

    Curated data alone gain ``(K - 1)/K Var(e^r) / e^max`` a round at least; with lambda synthetic
    per real sample ``lambda / (1 + lambda)^3`` times that of the real data is never lost again.
    ``gain`` is ``e^r`` of each of K symbols or atoms, ``path()`` ``[G+1, K]``.
    """

    def gained() -> tuple[Vector, Vector]:
        mean, square = path() @ gain, path() @ gain**2
        return mean, (arm.corrector.k - 1) / arm.corrector.k * (square - mean**2) / gain.max()

    def each() -> Vector:
        mean, step = gained()
        return np.append(mean[0], mean[:-1] + step[:-1])

    def once() -> Vector:
        mean, step = gained()
        shares = [fit.takes[fit.pools > 0].sum() / fit.size for _, fit in later]
        parts = np.array([share * (1.0 - share) ** 2 for share in shares])
        return np.asarray(mean[0] + np.append(0.0, step[0] * parts))

    later = list(enumerate(usage_of(arm).fits))[1:]
    if later and all(fit.budget is None and fit.pools.tolist() == [2 * g] for g, fit in later):
        return [Curve(metric, "bound", "lower bound, Lemma 2.2", each, CITE_ROUND)]
    if later and all(fit.even and sorted(fit.pools.tolist()) == [0, 2 * g] for g, fit in later):
        return [Curve(metric, "bound", "lower bound, Theorem 2.3", once, CITE_MIXED)]
    return []


def infinite(schedule: Any, truth: Vector, curate: Callable[[Vector], Vector]) -> Vector:
    """The laws of all generations ``[G+1, K]`` with infinite data; ``truth`` ``[K]``."""
    path, pools = [truth], {}
    for row in list(schedule)[1:]:
        pools[row.generation] = curate(path[-1])
        total = np.zeros_like(truth)
        for use in row.uses:
            law = pools[use.pool.born] if use.pool.kind == "synthetic" else truth
            total += use.take * use.weight * law
        path.append(total / total.sum())
    return np.stack(path)
