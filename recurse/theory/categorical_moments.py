"""Expected squared error and heterozygosity of refitted frequencies, for any schedule."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from recurse.theory.frequencies import frequencies
from recurse.theory.law import Curve, Law, link_of
from recurse.theory.moments import Moments, Vector, moments, unsolvable
from recurse.theory.usage import Usage

CITE = (
    "recursion of the moments (recurse.theory.moments); replace: Seddik et al. 2404.05090, "
    "mix: section 3 there"
)


class CategoricalMoments(Law):
    """``E sum (p - q)^2`` and ``E (1 - sum p^2)``: frequencies are a mean of unit vectors.

    One sample, as a unit vector, has a covariance of trace ``1 - sum q^2``; the model's own has
    trace ``1 - sum p^2``. So the moments are those of a location model with the maximum-likelihood
    covariance. Of n-grams with contexts given in turn: the same for each context, averaged.

    By Jensen's inequality, symbol by symbol, the total variation is at most half the sum of
    ``sqrt(q (1 - q) e)``, where ``e`` is the squared error over ``1 - sum q^2``.
    """

    name: ClassVar[str] = "categorical_moments"
    families: ClassVar[tuple[str, ...]] = ("categorical", "ngram")
    metrics: ClassVar[tuple[str, ...]] = ("heterozygosity", "l2_error", "tv_error")

    def refusal(self, arm: Any) -> str | None:
        tables = frequencies(arm)
        if isinstance(tables, str):
            return tables
        if tables.whole:
            return "stated for contexts that are given in turn"
        if arm.model.smoothing:
            return "smoothed frequencies are no mean of the samples"
        if link_of(arm) is None:
            return f"no law for the {arm.corrector.kind} corrector with sampler {arm.sampler.kind}"
        return unsolvable(tables.usage)

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        tables = frequencies(arm)
        assert not isinstance(tables, str)
        used, link = tables.usage, link_of(arm)
        assert link is not None

        def error() -> Vector:
            return tables.spread * _solve(used, link).error

        def kept() -> Vector:
            return tables.spread * _solve(used, link).spread

        def bound() -> Vector:
            return np.asarray(tables.width * np.sqrt(_solve(used, link).error))

        return (
            Curve("l2_error", "exact", "expectation", error, CITE),
            Curve("heterozygosity", "exact", "expectation", kept, CITE),
            Curve("tv_error", "bound", "Jensen: upper bound", bound, CITE),
        )


@lru_cache(maxsize=2)
def _solve(used: Usage, link: float) -> Moments:
    return moments(used, np.ones(len(used.fits)), link)
