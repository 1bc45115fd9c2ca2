"""Mobahi et al.: self-distillation of a kernel regression, with a fixed ridge and a fixed loss.

Let K be the kernel matrix of the n inputs, D the eigenvalues of ``K/n``. A ridge fit shrinks its
labels by ``p_j = d_j / (c + d_j)`` in the eigenbasis. With a fixed ridge the loop is linear in the
labels: for any schedule of whole copies of the inputs a pool is ``a(d) f* + sum_q b_q(d) e_q`` with
the independent noises ``e_q`` of the noisy pools, and a fit multiplies the mean of its pools by p.
Errors and norms are then quadratic forms: exact. Under replace with exact labels
``a = b_0 = p^(g+1)``: the factor ``(d/(c+d))^t`` of round t = g + 1.

With a fixed loss eps ``c_t`` depends on the labels. Let ``r_g`` be the root mean square of the
labels that generation g is fitted on, ``s = sqrt(eps)``. Generation g is alive if ``r_g > s``, and
then its fit is exactly s away from its labels, so ``r_g - s <= r_(g+1)``, and
``r_(g+1)^2 <= r_g^2 - s^2``, as no factor is negative or above 1. Hence, with the real labels y,

    ``||y||/sqrt(n) > (g + 1) s`` implies alive, and alive implies ``||y||^2/n > (g + 1) eps``.

The published guarantee is weaker: ``(||y||/sqrt(n eps) - 1)/kappa`` rounds, kappa = d_max/d_min (at
kappa = 1 it is the one above). ``||y||^2`` has a noncentral chi-square law, which makes all of them
bounds on expectations. Derived here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from recurse.sources.function import HELDOUT
from recurse.theory.law import Curve, Law, usage_of
from recurse.theory.usage import REAL_CODE, Usage, is_synthetic
from recurse.theory.workflow import workflow

CITE = "Mobahi et al. 2002.05715, fixed ridge; any schedule of whole copies: recurse.theory.mobahi"
CITE_ROUNDS = "Mobahi et al. 2002.05715; the triangle inequality in place of the condition number"
CITE_PAPER = "Mobahi et al. 2002.05715 (guaranteed number of rounds)"
MAX_NUMBERS = 20_000_000
Vector = NDArray[np.float64]


class Mobahi(Law):
    """Test error, size and rank of the fits with a ridge; how long they live with a loss."""

    name: ClassVar[str] = "mobahi"
    families: ClassVar[tuple[str, ...]] = ("kernel_ridge",)
    metrics: ClassVar[tuple[str, ...]] = ("alive", "effective_rank", "excess_risk", "mean_square")

    def refusal(self, arm: Any) -> str | None:
        if arm.source.inputs != "grid":
            return "stated for inputs on a grid; random ones have a curve for each seed"
        if arm.corrector.kind != "none" or arm.sampler.kind != "none":
            return f"no law for the {arm.corrector.kind} corrector with sampler {arm.sampler.kind}"
        used = usage_of(arm)
        if arm.model.loss is not None:
            flow = workflow(used)
            plain = (flow is None and len(used.fits) == 1) or (flow and flow.kind == "replace")
            if not plain or arm.model.labels != "exact":
                return "stated, with a fixed loss, for replace with exact labels"
            return None
        real = int(used.needed[0])
        if any(f.budget is not None or np.any(f.takes % real) for f in used.fits):
            return "the inputs of a fit are not whole copies of the real ones"
        if len(used.fits) * len(_noisy(used, arm.model.labels)) * real > MAX_NUMBERS:
            return "too many generations and noises to keep apart"
        return None

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        return _rounds(arm) if arm.model.loss is not None else _shrinkage(arm)


def _noisy(used: Usage, labels: str) -> list[int]:
    """The pools whose labels have noise of their own, by code."""
    codes = [int(pool) for pool in np.flatnonzero(used.needed)]
    synthetic = is_synthetic(np.asarray(codes))
    return [c for c, made in zip(codes, synthetic, strict=True) if labels == "noisy" or not made]


def _shrinkage(arm: Any) -> tuple[Curve, ...]:
    used, source, model = usage_of(arm), arm.source, arm.model
    real = int(used.needed[0])
    return tuple(
        Curve(metric, "exact", name, partial(_expected, place, used, source, model, real), CITE)
        for place, (metric, name) in enumerate(
            (
                ("excess_risk", "expectation"),
                ("mean_square", "expectation"),
                ("effective_rank", "ridge factors"),
            )
        )
    )


def _expected(place: int, used: Usage, source: Any, model: Any, real: int) -> Vector:
    return expectations(used, source, model, real)[place]


@lru_cache(maxsize=8)
def spectrum(model: Any, n: int) -> tuple[Vector, Vector]:
    """Eigenvalues of ``K/n`` on the grid, smallest first, and the eigenvectors in columns."""
    x = np.linspace(0.0, 1.0, n)[None, :, None]
    values, vectors = np.linalg.eigh(model.similarity(np, x, x)[0] / n)
    return np.maximum(values, 0.0), vectors


@lru_cache(maxsize=8)
def expectations(used: Usage, source: Any, model: Any, n: int) -> tuple[Vector, Vector, Vector]:
    """Excess risk, mean square and effective rank of every fit, ``[G+1]`` each."""
    d, vectors = spectrum(model, n)
    at, x = np.asarray(HELDOUT), np.linspace(0.0, 1.0, n)
    outside = model.similarity(np, at[None, :, None], x[None, :, None])[0]
    extend = outside @ vectors / (n * (model.ridge + d))
    shrink = d / (model.ridge + d)
    inside, truth = vectors.T @ source.at(np, x), source.at(np, at)
    noisy = {pool: place for place, pool in enumerate(_noisy(used, model.labels))}
    signal: dict[int, Vector] = {}
    noise: dict[int, Vector] = {}
    risk, square, rank = np.empty((3, len(used.fits)))
    made = np.ones(n), np.zeros((len(noisy), n))
    for g, fit in enumerate(used.fits):
        for pool in (REAL_CODE, 2 * g, 2 * g + 1):
            if not used.needed[pool] or pool in signal:
                continue
            model_made = pool > 0 and pool % 2 == 0
            signal[pool] = made[0] if model_made else np.ones(n)
            spread = made[1].copy() if model_made else np.zeros_like(made[1])
            if pool in noisy:  # k copies of the inputs have noise of variance 1/k in their mean
                spread[noisy[pool]] += 1.0 / np.sqrt(used.needed[pool] // n)
            noise[pool] = spread
        share = fit.takes * fit.weights / np.sum(fit.takes * fit.weights)
        labels = sum(s * signal[int(p)] for s, p in zip(share, fit.pools, strict=True))
        errors = sum(s * noise[int(p)] for s, p in zip(share, fit.pools, strict=True))
        bias = extend @ (labels * inside) - truth
        variance = source.noise**2 * np.sum(errors**2, axis=0)
        risk[g] = np.mean(bias**2) + np.mean(extend**2 @ variance)
        square[g] = np.mean((shrink * labels * inside) ** 2) + np.mean(shrink**2 * variance)
        made = shrink * labels, shrink * errors
        kept = (shrink / shrink.max()) ** (g + 1)
        rank[g] = kept.sum() ** 2 / np.sum(kept**2)
    return risk, square, rank


def _rounds(arm: Any) -> tuple[Curve, ...]:
    source, loss, n = arm.source, arm.model.loss, arm.samples.real
    fits = np.arange(1.0, arm.generations + 2)

    def paper() -> Vector:
        d = spectrum(arm.model, n)[0]
        condition = float(d[-1] / d[0]) if d[0] > 1e-12 * d[-1] else np.inf
        return np.where(fits > 1.0, 1.0 + condition * np.maximum(fits - 1.0, 1e-300), 1.0) ** 2

    def above(factor: Callable[[], Vector]) -> Vector:
        size = float(np.mean(source.at(np, np.linspace(0.0, 1.0, n)) ** 2))
        return survival(factor() * loss, size, source.noise, n)

    return tuple(
        Curve("alive", "bound", name, partial(above, factor), cite)
        for name, factor, cite in (
            ("lower bound: triangle inequality", lambda: fits**2, CITE_ROUNDS),
            ("lower bound: condition number", paper, CITE_PAPER),
            ("upper bound: loss per round", lambda: fits, CITE_ROUNDS),
        )
    )


def survival(level: Vector, size: float, noise: float, n: int) -> Vector:
    """``P(||y||^2/n > level)`` for labels ``f(x_i) + noise e_i``; ``size`` is ``|f|^2/n``."""
    if noise == 0.0:
        return np.asarray(size > level, dtype=np.float64)
    from scipy.stats import ncx2

    scale = noise**2 / n
    return np.asarray(ncx2.sf(level / scale, n, size / scale), dtype=np.float64)
