"""Shumailov et al.: the distance of a refitted Gaussian to the truth, at first and for ever."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from recurse.theory.gaussian_moments import alone
from recurse.theory.law import Curve, Law, link_of, usage_of

CITE = "Shumailov et al. 2305.17493; derived for sizes that change"


class Shumailov(Law):
    """``E W2^2`` in one dimension when each fit sees the samples of one model only.

    To first order in 1/n it is ``(3/2) sigma^2 sum_i 1/n_i`` over the fits so far: it grows in
    proportion to them at constant n, and stays bounded if the sum does. With the
    maximum-likelihood variance the mean and the variance together keep ``sigma^2``, so it never
    exceeds ``2 sigma^2``; their theorem that it diverges is about the unbiased variance.
    """

    name: ClassVar[str] = "shumailov"
    families: ClassVar[tuple[str, ...]] = ("gaussian",)
    metrics: ClassVar[tuple[str, ...]] = ("w2",)

    def refusal(self, arm: Any) -> str | None:
        if arm.source.kind != "gaussian" or arm.source.dim != 1:
            return "stated for a normal source of one dimension"
        if link_of(arm) != 1.0:
            return "stated for uncorrected data"
        chain = alone(usage_of(arm), False)
        models = range(-1, arm.generations)
        if chain is None or any(s != g for (_, _, s), g in zip(chain, models, strict=True)):
            return "stated for fits on the samples of the last model only"
        return None

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        chain = alone(usage_of(arm), False)
        assert chain is not None
        variance = float(arm.source.matrix[0, 0])
        inverse = np.cumsum([1.0 / n for n, _, _ in chain])
        name = "first order: 3/2 sum 1/n"
        early = Curve("w2", "asymptotic", name, 1.5 * variance * inverse, CITE)
        if arm.model.estimator == "unbiased":
            return (early,)
        limit = np.full_like(inverse, 2.0 * variance)
        return early, Curve("w2", "bound", "upper bound 2 sigma^2", limit, CITE)
