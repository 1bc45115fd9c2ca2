"""Linear regression with normal inputs: ``x ~ N(0, I)``, ``y = x.w* + noise * e``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from recurse.sources import Batch, Source, identity
from recurse.streams import Normal, Streams


class LinearRegression(Source):
    """``x ~ N(0, I_d)`` and ``y = x.w* + noise e``, with ``w* ~ N(0, I_d)`` for each seed."""

    kind: Literal["linear_regression"] = "linear_regression"
    law: ClassVar[str | None] = "linear"
    dim: Annotated[int, Field(ge=1, le=10_000)]
    noise: Annotated[float, Field(ge=0, le=1e6)] = 1.0
    """Standard deviation of the label noise."""
    design: Literal["reused", "fresh"] = "reused"
    """``reused``: every generation relabels the inputs of the real sample (Gerstgrasser et al.
    2404.01413); ``fresh``: every pool has new inputs (Dohmatob et al. 2402.07712)."""

    @property
    def fields(self) -> dict[str, tuple[int, ...]]:
        return {"x": (self.dim,), "y": ()}

    def truth(self, streams: Streams) -> Batch:
        coefficients = streams.draw(0, "truth/coefficients", Normal((self.dim,)))
        return {"coef": coefficients, "covariance": identity(self.dim, len(streams.seeds))}

    def draw(self, streams: Streams, generation: int, purpose: str, n: int) -> Batch:
        x = streams.draw(generation, f"{purpose}/x", Normal((n, self.dim)))
        e = streams.draw(generation, f"{purpose}/e", Normal((n,)))
        y = (x @ self.truth(streams)["coef"][..., None])[..., 0] + self.noise * e
        return {"x": x, "y": y}
