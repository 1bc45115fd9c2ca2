"""Samplers: how synthetic data are drawn from a model, if not by its own law. One file per kind.

A sampler of laws changes parameters; one of neural models wraps their nets. Each kind is one of the
two: which families it serves, it says itself.
"""

from __future__ import annotations

from typing import Any

from recurse.families import Family
from recurse.families.neural import Nets
from recurse.numerics.arrays import Arrays
from recurse.spec import Kind


class Sampler(Kind):
    """A change of what synthetic data are drawn from; the model itself stays."""

    def refusal(self, family: Family[Any]) -> str | None:
        """The reason why the sampler cannot serve this family, or None."""
        return None

    def adapt(self, xp: Any, params: Arrays) -> Arrays:
        """The parameters to sample from, each ``[R, ...]``."""
        return params

    def wrap(self, xp: Any, nets: Nets) -> Nets:
        """The networks to sample with."""
        return nets
