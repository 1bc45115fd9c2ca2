"""Metrics of frequencies: the models that have them, and averages over contexts."""

from __future__ import annotations

from typing import Any

from recurse.families import Family
from recurse.metrics import has_parameters
from recurse.numerics.arrays import Array, Arrays
from recurse.sources import Source


def without_frequencies(family: Family[Any]) -> str | None:
    """The reason why the model is no table of one set of probabilities ``p [R, K]``, or None."""
    if (family.law or family.kind) == "categorical":
        return None
    return f"family '{family.kind}' counts no symbols"


def without_tables(family: Family[Any]) -> str | None:
    """The reason why the model has no probabilities ``p [R, K]`` or ``p [R, C, K]``, or None."""
    return None if family.kind == "ngram" else without_frequencies(family)


def without_truth(source: Source, family: Family[Any]) -> str | None:
    """The reason why the probabilities cannot be compared with the true ones, or None."""
    reason = without_tables(family) or has_parameters(source, family, "probabilities")
    if reason is not None:
        return reason
    theirs, ours = getattr(source, "order", None), getattr(family, "order", None)
    if family.kind == "ngram" and theirs != ours:
        return f"needs the true probabilities of order {ours}, and the source has order {theirs}"
    return None


def over_contexts(xp: Any, values: Array, arrays: Arrays) -> Array:
    """``[R]``: the mean of ``[R, C]`` over contexts, by their shares; ``[R]`` without contexts."""
    return xp.sum(values * arrays["contexts"], axis=-1) if "contexts" in arrays else values


def known(xp: Any, params: Arrays) -> Array:
    """True for positive probabilities, shaped like ``p``; False after contexts never seen."""
    if "contexts" not in params:
        return params["p"] > 0
    return (params["p"] > 0) & (params["contexts"] > 0)[..., None]
