"""The theory curve that a claim means: the one that it names, or the exact law if there is one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recurse.theory.law import Curve

AGREE = 1e-9
"""Two laws of one quantity that differ by less, relatively, count as one."""


def choose(curves: Sequence[Curve], metric: str, name: str = "") -> Curve | str:
    """The curve of a metric, or the reason why there is none.

    Args:
        curves: the curves of an arm.
        metric: its name.
        name: the curve's name or a part of it that no other curve's name has; the exact law if "".
    """
    about = [curve for curve in curves if curve.metric == metric]
    if not about:
        return f"no theory gives {metric}"
    if name:
        return _named(about, name)
    exact = [curve for curve in about if curve.kind == "exact"]
    if not exact:
        return f"no exact law of {metric}; name a curve: {_names(about)}"
    if all(_agree(exact[0], other) for other in exact[1:]):
        return exact[0]
    return f"several laws of {metric}; name one: {_names(exact)}"


def along(curve: Curve, generations: Sequence[int]) -> NDArray[np.float64]:
    """A curve's values at some generations, ``[K]``; NaN beyond its end."""
    values = np.full(max([len(curve.values), *(g + 1 for g in generations)]), np.nan)
    values[: len(curve.values)] = curve.values
    return values[list(generations)]


def finite(curve: Curve, last: int) -> tuple[int, ...]:
    """The generations up to ``last`` at which a curve is defined."""
    known = np.flatnonzero(np.isfinite(curve.values))
    return tuple(int(g) for g in known if g <= last)


def _named(about: Sequence[Curve], name: str) -> Curve | str:
    found = [curve for curve in about if curve.name == name]
    found = found or [curve for curve in about if name.lower() in curve.name.lower()]
    if len(found) == 1:
        return found[0]
    wrong = "several curves are" if found else "no curve is"
    return f"{wrong} named '{name}'; there are: {_names(found or about)}"


def _agree(one: Curve, other: Curve) -> bool:
    last = min(len(one.values), len(other.values))
    left, right = one.values[:last], other.values[:last]
    return bool(np.allclose(left, right, rtol=AGREE, atol=0.0, equal_nan=True))


def _names(curves: Sequence[Curve]) -> str:
    return ", ".join(f"'{curve.name}'" for curve in curves)
