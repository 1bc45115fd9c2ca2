"""Metrics of unlikely places: where real data are rare, and the model's mass there.

How rare real data are at a point is ``P(q(X) <= q(x))``, X real with density (or probability) q:
the share of real data that are no more likely. It is uniform for the true model, in any dimension.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from recurse.families import Family
from recurse.metrics import View
from recurse.metrics.frequencies import without_truth
from recurse.numerics.arrays import Array
from recurse.sources import Discrete, Source


def without_density(source: Source, family: Family[Any]) -> str | None:
    """The reason why the real density at what the model draws is not known, or None."""
    if isinstance(source, Discrete):
        return without_truth(source, family)
    fields = family.fields(source)
    if set(fields) != {"x"} or source.log_density(np.zeros((1, *source.fields["x"]))) is None:
        return f"the density of source '{source.kind}' where the model draws is not known"
    return None


def mass(xp: Any, view: View, share: float, samples: int, possible: bool) -> Array:
    """Mass ``[R]`` where at most ``share`` of real data are as unlikely: exact for symbols.

    ``possible``: leave out symbols that real data never show. Of samples the standard error is
    ``sqrt(m (1 - m) / samples)``.
    """
    inside = xp.astype(view.rarity <= share, xp.float64)
    if "p" not in view.params:
        return xp.mean(inside[:, :samples], axis=1)
    if possible:
        inside = xp.where(view.rarity > 0.0, inside, xp.zeros_like(inside))
    return xp.sum(inside * view.params["p"], axis=1)
