"""Expected excess risk of recursive least squares: exact where it is known, else to leading order.

Least squares does not know the spectrum of the inputs, and the excess risk is measured in its
metric: all that follows holds for any.

With a reused design X of T rows every pool is a whole number of copies of X, its own estimate is
``w_s + (X'X)^{-1} X'e`` (``w*`` in place of ``w_s`` for new real labels), and a fit is a weighted
mean of such estimates: the recursion of ``recurse.theory.moments`` with one copy as one sample,
times ``sigma^2 d / (T - d - 1)``. Exact for any schedule of whole copies, weighted or not
(Gerstgrasser et al. 2404.01413 for replace and accumulate, He et al. 2502.18049 for weights).

With fresh designs three steps are exact; T is the size of the fit, ``e`` its label noise:

1. New data labelled by model s: ``r_g = r_s + sigma^2 d / (T - d - 1)``.
2. New data of which K rows are labelled by model s and the others by the truth:
   ``w_g - w* = G^{-1} A (w_s - w*) + G^{-1} X'e`` with ``A`` the Gram matrix of the K rows, so
   ``r_g = rho r_s + sigma^2 d / (T - d - 1)`` with
   ``rho = [K (K+2) + K (T-K)/(T-1) (kappa-1)] / (T (T+2))`` and
   ``kappa = E[tr G^{-1} tr G] / d = (T d - 2) / (T - d - 1)``. (``G^{-1/2} A G^{-1/2}`` is
   orthogonally invariant and independent of G, with the second moments of a Haar frame; derived
   here, checked by simulation in tests/theory.)
3. The data of fit s and K new rows labelled by it: ``w_g = w_s + G^{-1} X_new'e``, so
   ``r_g = r_s + sigma^2 (K/T) d / (T - d - 1)``.

Otherwise: every fit is a mean of ``w_s + (influence of a sample)`` up to ``O(d/T)``, which is the
recursion of the moments with single samples; drawn as an asymptotic line, scaled by the first fit.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np

from recurse.theory.law import Curve, Law, link_of, usage_of
from recurse.theory.moments import Vector, moments, unsolvable
from recurse.theory.usage import Ints, Portion, Usage, is_synthetic

CITE = "Gerstgrasser et al. 2404.01413; recursion for any schedule: recurse.theory.linear_risk"
CITE_LARGE = "leading order in d/T (asymptotic linearity, Dey & Donoho 2410.22812)"


class LinearRisk(Law):
    """``E||w_g - w*||^2`` for normal inputs, the noise floor removed."""

    name: ClassVar[str] = "linear_risk"
    families: ClassVar[tuple[str, ...]] = ("linear",)
    metrics: ClassVar[tuple[str, ...]] = ("excess_risk",)

    def refusal(self, arm: Any) -> str | None:
        reason = least_squares_refusal(arm)
        if reason is not None:
            return reason
        if link_of(arm) is None:
            return f"no law for the {arm.corrector.kind} corrector with sampler {arm.sampler.kind}"
        return unsolvable(usage_of(arm))

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        source, used, link = arm.source, usage_of(arm), link_of(arm)
        assert link is not None

        def values() -> Vector:
            risk, _ = expected_risk(used, source.dim, source.design, link)
            return np.asarray(source.noise**2 * risk)

        if is_exact(used, source.design, link):
            name = f"expectation ({source.design} design)"
            return (Curve("excess_risk", "exact", name, values, CITE),)
        return (Curve("excess_risk", "asymptotic", "large-n recursion", values, CITE_LARGE),)


def least_squares_refusal(arm: Any) -> str | None:
    """The reason why the arm is not least squares with finite expected risk; None if it is."""
    if arm.source.law != "linear":
        return f"the law of a {arm.source.kind} source is not that of a linear regression"
    if arm.model.ridge > 0 or arm.model.prior > 0:
        return "the risk of ridge regression is not known in closed form"
    smallest = min(fit.size for fit in usage_of(arm).fits)
    if smallest < arm.source.dim + 2:
        return (
            f"the expected risk is infinite with {smallest} samples in {arm.source.dim} dimensions"
        )
    return None


def input_variances(source: Any) -> Vector:
    """The variances of the inputs of a linear regression, ``[d]``."""
    deviations = source.deviations
    return np.ones(source.dim) if deviations is None else np.asarray(deviations**2)


def is_exact(used: Usage, design: str, link: float) -> bool:
    """True if the expected risk is known exactly, and not to leading order only."""
    if design == "reused":
        return _copies(used, link) is not None
    return _steps(used, link) is not None


@lru_cache(maxsize=2)
def expected_risk(used: Usage, dim: int, design: str, link: float) -> tuple[Vector, bool]:
    """Risk over noise variance ``[G+1]``, and True if the risk is exact."""
    exact = _reused(used, dim, link) if design == "reused" else _fresh(used, dim, link)
    if exact is not None:
        return exact, True
    first = used.fits[0].size
    return moments(used, None, link).error * first * _one_fit(first, dim), False


def _one_fit(size: int, dim: int) -> float:
    """``E tr (X'X)^{-1}`` of ``size`` normal inputs."""
    return dim / (size - dim - 1)


def _copies(used: Usage, link: float) -> Usage | None:
    """The fits in units of the design; None if one sees a subsample, a part of it, or corrected
    data.
    """
    if link != 1.0 or any(f.budget is not None for f in used.fits):
        return None
    try:
        return used.in_copies_of(int(used.needed[0]))
    except ValueError:
        return None


def _reused(used: Usage, dim: int, link: float) -> Vector | None:
    copies = _copies(used, link)
    if copies is None:
        return None
    return moments(copies, None).error * _one_fit(int(used.needed[0]), dim)


class _Step(NamedTuple):
    """One of the three exact steps: new rows labelled by a model, of a fit of some size."""

    model: int | None
    rows: int
    size: int
    extends: bool
    """True if the fit also sees all data of that model (step 3)."""


@lru_cache(maxsize=64)
def _steps(used: Usage, link: float) -> tuple[_Step, ...] | None:
    """The step of every fit; None if some fit is none of the three."""
    found = []
    seen = np.zeros(len(used.needed), dtype=np.bool_)
    for fit in used.fits:
        new = ~seen[fit.pools]
        seen[fit.pools] = True
        labels = np.flatnonzero(new & is_synthetic(fit.pools))
        if fit.budget is not None or not fit.even or len(labels) > 1:
            return None
        rows, model = int(fit.takes[labels].sum()), int(fit.pools[labels].sum()) // 2 - 1
        extends = not np.all(new)
        if extends and not (link == 1.0 and len(labels) and _extends(fit, used.fits[model], new)):
            return None
        found.append(_Step(model if len(labels) else None, rows, fit.size, extends))
    return tuple(found)


def _fresh(used: Usage, dim: int, link: float) -> Vector | None:
    steps = _steps(used, link)
    if steps is None:
        return None
    risk = np.empty(len(steps))
    for g, (model, rows, size, extends) in enumerate(steps):
        inherited = 0.0 if model is None else risk[model]
        if extends:
            risk[g] = inherited + rows / size * _one_fit(size, dim)
        else:
            risk[g] = contraction(rows, size, dim, link) * inherited + _one_fit(size, dim)
    return risk


def contraction(rows: int, size: int, dim: int, link: float) -> float:
    """``rho`` of step 2, averaged over K ~ Binomial(rows, link): an oracle corrects some rows."""
    first = rows * link
    second = first * (1.0 - link) + first**2
    kappa = (size * dim - 2) / (size - dim - 1)
    cross = (size * first - second) / max(size - 1, 1) * (kappa - 1.0)
    return (second + 2.0 * first + cross) / (size * (size + 2))


def _extends(fit: Portion, earlier: Portion, new: np.ndarray[Any, np.dtype[np.bool_]]) -> bool:
    """True if the data that are not new are exactly those of ``earlier``, and one pool is new."""
    return bool(new.sum() == 1) and _named(fit.pools[~new], fit.takes[~new]) == _named(
        earlier.pools, earlier.takes
    )


def _named(pools: Ints, takes: Ints) -> dict[int, int]:
    return dict(zip(pools.tolist(), takes.tolist(), strict=True))
