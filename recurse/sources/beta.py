"""Numbers in (0, 1] with the law Beta(alpha, 1)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from recurse.numerics.arrays import Fields
from recurse.numerics.streams import Streams, Uniform
from recurse.sources.scalar import Scalar


class BetaSource(Scalar):
    """Density ``alpha x^(alpha - 1)``; ``-log x`` is exponential with mean ``1 / alpha``."""

    kind: Literal["beta"] = "beta"
    cite = "Barzilai & Shamir 2505.19046, experiments"
    law: ClassVar[str | None] = "beta"
    alpha: Annotated[float, Field(gt=0)] = 1.0

    @property
    def theta(self) -> float:
        return self.alpha

    def draw(self, streams: Streams, generation: int, purpose: str, n: int) -> Fields:
        u = streams.draw(generation, f"{purpose}/u", Uniform((n, 1)))
        return {"x": np.asarray((1.0 - u) ** (1.0 / self.alpha))}
