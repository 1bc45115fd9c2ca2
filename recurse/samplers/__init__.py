"""Samplers draw synthetic data from a model by another law than its own. One file per kind.

A sampler of laws changes their parameters, one of neural models wraps their nets. A kind says
itself which families it serves.
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
