"""Only the most recent generations of data are kept."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from recurse.policies import Policy
from recurse.schedule import REAL, Row, Use, made


class Window(Policy):
    """Train on the data of the last ``size`` generations; those of generation 0 are real."""

    kind: Literal["window"] = "window"
    cite = "Alemohammad et al. 2307.01850 (memory of K generations)"
    size: Annotated[int, Field(ge=1)]
    """The number of generations of data kept; 1 is ``replace``."""

    def row(self, generation: int, real: int, synthetic: int, fresh: int) -> Row:
        first = generation - self.size + 1
        oldest = (Use(REAL, real),) if first <= 0 else ()
        later = made(max(first, 1), generation, synthetic)
        return Row(generation, synthetic, 0, (*oldest, *later))
