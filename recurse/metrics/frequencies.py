"""What metrics of symbol frequencies share: which models have them."""

from __future__ import annotations

from typing import Any

from recurse.families import Family
from recurse.metrics import has_parameters
from recurse.sources import Source


def without_frequencies(family: Family[Any]) -> str | None:
    """Why the model is no table of one set of probabilities ``p [R, K]``, or None."""
    return None if family.kind == "categorical" else f"family '{family.kind}' counts no symbols"


def without_truth(source: Source, family: Family[Any]) -> str | None:
    """Why the probabilities cannot be compared with the true ones, or None."""
    return without_frequencies(family) or has_parameters(source, family, "probabilities")
