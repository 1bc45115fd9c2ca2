"""Second moment of a kernel density estimate in any loop: each refit adds the kernel's variance."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from recurse.theory.law import Curve, Law, link_of, usage_of
from recurse.theory.usage import Portion, Usage, is_synthetic

CITE = "derived; the loops are those of Kazdan et al. 2410.16713 and Fu et al. 2402.11778"


class KdeMoments(Law):
    """``E||x||^2`` under the model, about the origin.

    A model is a weighted mean of its samples, each spread by ``d h^2``; a synthetic sample has the
    second moment of the model that made it. So ``S_g = sum_u share_u S(pool_u) + d h_g^2``:
    ``S_real + (g + 1) d h^2`` under replace, ``S_real + d h^2 H_{g+1}`` under accumulate with or
    without a subsample, and with a share a of real data the limit ``S_real + d h^2 / a``.

    A Gaussian mixture has the same law with the floor of its variances for ``h^2``: after any step
    of EM the mixture has the mean and the second moment of its data, up to that floor. Two opposite
    Gaussians (``symmetric_gmm``) have no floor.
    """

    name: ClassVar[str] = "kde_moments"
    families: ClassVar[tuple[str, ...]] = ("kde", "gmm", "symmetric_gmm")
    metrics: ClassVar[tuple[str, ...]] = ("second_moment",)

    def refusal(self, arm: Any) -> str | None:
        if link_of(arm) is None:
            return f"no law for the {arm.corrector.kind} corrector with sampler {arm.sampler.kind}"
        if arm.source.second_moment(arm.samples.real) is None:
            return f"the second moment of a {arm.source.kind} source is not known"
        drawn = {row.fresh for row in arm.schedule}
        if link_of(arm) != 1.0:
            drawn |= {row.synthesise for row in arm.schedule}
        sizes = {arm.samples.real, *drawn} - {0}
        if np.ptp([arm.source.second_moment(n) for n in sizes]) > 1e-12:
            return f"the second moment of a {arm.source.kind} sample depends on its size"
        usage_of(arm)
        return None

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        used, link = usage_of(arm), link_of(arm)
        assert link is not None
        (dim,) = arm.source.fields["x"]
        real = float(arm.source.second_moment(arm.samples.real))
        kernel = np.array([dim * _variance(arm.model, fit, dim) for fit in used.fits])
        values = partial(_run, used, real, kernel, link)
        found = [Curve("second_moment", "exact", "expectation", values, CITE)]
        share = _share(used)
        if share is not None and link == 1.0 and np.ptp(kernel) == 0.0:
            limit = np.full(len(kernel), real + kernel[0] / share)
            name = "many generations: kernel variance over real share"
            found.append(Curve("second_moment", "asymptotic", name, limit, CITE))
        return tuple(found)


def _variance(model: Any, fit: Portion, dim: int) -> float:
    """The variance that a fit adds to each coordinate of its data."""
    if model.kind == "gmm":
        return float(model.floor)
    if model.kind == "symmetric_gmm":
        return 0.0
    return float(model.width(_weight(fit), dim) ** 2)


def _weight(fit: Portion) -> float:
    """The total weight that a fit sees; with a budget over uneven weights its expectation."""
    return fit.weight


def _run(used: Usage, real: float, kernel: NDArray[np.float64], link: float) -> NDArray[np.float64]:
    models = np.empty(len(used.fits))
    for g, fit in enumerate(used.fits):
        share = fit.takes * fit.weights
        share = share / share.sum()
        made = is_synthetic(fit.pools)
        origin = np.maximum(fit.pools // 2 - 1, 0)
        inherited = link * models[origin[made]] + (1.0 - link) * real
        models[g] = share[made] @ inherited + share[~made].sum() * real + kernel[g]
    return models


def _share(used: Usage) -> float | None:
    """The share of real data if later fits mix a constant one with the last model's samples."""
    shares = set()
    for g, fit in list(enumerate(used.fits))[1:]:
        made = is_synthetic(fit.pools)
        if fit.pools[made].tolist() != [2 * g]:
            return None
        weight = fit.takes * fit.weights
        shares.add(round(float(weight[~made].sum() / weight.sum()), 12))
    return shares.pop() if len(shares) == 1 and 0.0 not in shares else None
