"""Policies: rules for the data that each generation is trained on. One file per kind."""

from __future__ import annotations

from recurse.schedule import Row
from recurse.spec import Kind


class Policy(Kind):
    """A rule for the training data of each generation, compiled to rows of a schedule."""

    def row(self, generation: int, real: int, synthetic: int, fresh: int) -> Row:
        """The row of ``generation >= 1`` given the scenario's counts per generation."""
        raise TypeError(f"{type(self).__name__} has no rows")
