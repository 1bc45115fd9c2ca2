"""Marchi et al.: at temperature T, enough new data keep the uniform law in place."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from recurse.theory.law import Curve, Law, corrector_link, usage_of

CITE = "derived in recurse.theory; the setting is that of Marchi et al. 2404.02325"
NAME = "large n: linearised"


class Marchi(Law):
    """A share beta of new data from the uniform law, the rest drawn at temperature T.

    One generation maps a deviation from the uniform law to ``J = (1 - beta) / T`` times itself and
    adds the noise of N samples, so ``x_{g+1} = J^2 x_g + h / N`` with ``h = 1 - 1/K``: the uniform
    law is stable if and only if ``beta > 1 - T``. To first order in the deviation: below the
    threshold the curve ends where it is no longer small.
    """

    name: ClassVar[str] = "marchi"
    families: ClassVar[tuple[str, ...]] = ("categorical",)
    metrics: ClassVar[tuple[str, ...]] = ("l2_error",)

    def refusal(self, arm: Any) -> str | None:
        if arm.source.kind != "categorical" or arm.source.form != "uniform":
            return "stated for a uniform source"
        if arm.sampler.kind != "temperature" or corrector_link(arm) != 1.0 or arm.model.smoothing:
            return "stated for relative frequencies of data drawn at a temperature"
        fits = usage_of(arm).fits[1:]
        pools = (sorted(fit.pools.tolist()) for fit in fits)
        if any(seen != [2 * g, 2 * g + 1] for g, seen in enumerate(pools, start=1)):
            return "stated for new real data beside the samples of the last model"
        if any(fit.budget is not None or not fit.even for fit in fits):
            return "stated for whole pools of equal weight"
        return None

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        fits, size = usage_of(arm).fits, arm.source.alphabet
        spread = 1.0 - 1.0 / size
        error = np.empty(len(fits))
        error[0] = spread / fits[0].size
        for g, fit in enumerate(fits[1:], start=1):
            share = float(fit.takes[fit.pools == 2 * g][0]) / fit.size
            factor = share / arm.sampler.value
            error[g] = factor**2 * error[g - 1] + spread / fit.size
        # Beyond a tenth of each probability the map is not linear any more.
        error[np.maximum.accumulate(error) * size > 0.01] = np.nan
        return (Curve("l2_error", "asymptotic", NAME, error, CITE),)
