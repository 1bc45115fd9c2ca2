"""The inputs a memoriser still knows: one is lost for good if a generation does not meet it.

An input of probability p is in a sample of n from the world with probability ``1 - (1 - p)^n``, and
in n samples of a model that knows it and the share P of all inputs with ``1 - (1 - p/P)^n``. A real
sample that every fit sees holds all that its models ever know, so nothing is lost after the first
fit. Without it the chance to know an input obeys, with r new real samples beside n synthetic ones,

    ``a_g = 1 - (1 - p)^r (1 - a_(g-1) (1 - (1 - p/P)^n))``.

P is random: its mean gives the large-n curve, and ``P <= 1`` and ``n = inf`` give bounds. The error
of n equal generations grows like a power of log n: an input that is likely to be met is likely to
be met n times. (Frequencies that are refitted wander, and lose mass like ``n^((beta-1)/beta)``.)
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from recurse.theory.law import Curve, Law, link_of, usage_of
from recurse.theory.moments import Vector
from recurse.theory.usage import Portion, Usage, is_synthetic

CITE = "Dohmatob et al. 2402.07043, equation 9; later generations derived in recurse.theory"


class MemoriserLaw(Law):
    """``missing_mass`` and ``unique`` of a memoriser, with a fixed real sample or without one."""

    name: ClassVar[str] = "memoriser"
    families: ClassVar[tuple[str, ...]] = ("memoriser",)
    metrics: ClassVar[tuple[str, ...]] = ("missing_mass", "unique")

    def refusal(self, arm: Any) -> str | None:
        if arm.model.inputs not in (None, arm.source):
            return "stated for inputs that have the law of the source"
        if link_of(arm) != 1.0:
            return "stated for what the model puts out, uncorrected"
        used = usage_of(arm)
        if _keeps(used) or all(_fresh(fit, g) for g, fit in list(enumerate(used.fits))[1:]):
            return None
        return "stated for the whole real sample in every fit, or new data and the last model only"

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        used, p = usage_of(arm), arm.source.p
        first = -np.expm1(used.fits[0].size * np.log1p(-p))
        if _keeps(used):
            known = np.tile(first, (len(used.fits), 1))
            return _both("exact", ("expectation", "expectation"), known, p)
        name = "expectation of the first fit"
        start = np.full((len(used.fits), len(p)), np.nan)
        start[0] = first
        return (
            *_both("exact", (name, name), start, p),
            *_both("asymptotic", ("large n: mean share known",) * 2, _run(used, p, "mean"), p),
            *_both("bound", ("upper bound", "lower bound"), _run(used, p, "world"), p),
            *_both("bound", ("lower bound", "upper bound"), _run(used, p, "all"), p),
        )


def _run(used: Usage, p: Vector, share: str) -> Vector:
    """The chance to know each input, ``[G+1, K]``: P at its ``mean``, at 1 (``world``), n = inf."""
    known = np.empty((len(used.fits), len(p)))
    for g, fit in enumerate(used.fits):
        made = is_synthetic(fit.pools)
        real, n = int(fit.takes[~made].sum()), int(fit.takes[made].sum())
        met = np.zeros_like(p)
        if n:
            drawn = p / (float(p @ known[g - 1]) if share == "mean" else 1.0)
            chance = 1.0 if share == "all" else 1.0 - (1.0 - np.minimum(drawn, 1.0)) ** n
            met = known[g - 1] * chance
        known[g] = 1.0 - (1.0 - p) ** real * (1.0 - met)
    return known


def _both(kind: Any, names: tuple[str, str], known: Vector, p: Vector) -> tuple[Curve, Curve]:
    return (
        Curve("missing_mass", kind, names[0], (1.0 - known) @ p, CITE),
        Curve("unique", kind, names[1], known.sum(axis=1), CITE),
    )


def _keeps(used: Usage) -> bool:
    """True if every fit sees the whole real sample, and no other real data."""
    return all(
        fit.budget is None
        and fit.takes[fit.pools == 0].tolist() == [used.needed[0]]
        and np.all((fit.pools == 0) | is_synthetic(fit.pools))
        for fit in used.fits
    )


def _fresh(fit: Portion, g: int) -> bool:
    """True if a fit sees new real data, samples of the last model, or both, and nothing else."""
    return fit.budget is None and set(fit.pools.tolist()) <= {2 * g, 2 * g + 1}
