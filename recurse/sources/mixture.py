"""Mixtures of round Gaussians: eight on a ring, 25 on a grid, or means of one's own."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recurse.numerics.arrays import Fields
from recurse.numerics.streams import Normal, Streams, Uniform
from recurse.sources import Source


class Mixture(Source):
    """``sum_k w_k N(m_k, deviation^2 I)``."""

    kind: Literal["mixture"] = "mixture"
    law: ClassVar[str | None] = "gmm"
    form: Literal["ring", "grid", "given"] = "ring"
    """``ring``: means evenly spaced on a circle of radius ``scale``; ``grid``: a square of 5 x 5
    means, ``scale`` apart, around 0; ``given``: ``means``."""
    components: Annotated[int, Field(ge=1, le=1000)] = 8
    """Means on the ring."""
    scale: Annotated[float, Field(gt=0, le=1e6)] = 2.0
    """Radius of the ring, spacing of the grid."""
    deviation: Annotated[float, Field(gt=0, le=1e6)] = 0.1
    """Standard deviation of every coordinate around its mean."""
    means: Annotated[tuple[tuple[float, ...], ...], Field(min_length=1)] | None = None
    """Rows of equal length, for ``given``."""
    weights: Annotated[tuple[float, ...], Field(min_length=1)] | None = None
    """One number above 0 per mean, of which the shares count; equal by default."""

    @property
    def centers(self) -> NDArray[np.float64]:
        """The means, ``[k, d]``."""
        if self.form == "given":
            return np.asarray(self.means if self.means is not None else ((0.0,),), dtype=np.float64)
        if self.form == "grid":
            line = self.scale * np.arange(-2.0, 3.0)
            return np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
        angle = 2.0 * np.pi * np.arange(self.components) / self.components
        return self.scale * np.stack([np.cos(angle), np.sin(angle)], axis=1)

    @property
    def shares(self) -> NDArray[np.float64]:
        """The weights, ``[k]``, one in total."""
        given = np.ones(len(self.centers)) if self.weights is None else np.asarray(self.weights)
        return np.asarray(given / given.sum(), dtype=np.float64)

    @property
    def fields(self) -> dict[str, tuple[int, ...]]:
        return {"x": (self.centers.shape[1],)}

    def truth(self, streams: Streams) -> Fields:
        centers = self.centers
        (count, dim), copies = centers.shape, len(streams.seeds)
        each = self.deviation**2 * np.broadcast_to(np.eye(dim), (count, dim, dim))
        return {
            "weights": np.broadcast_to(self.shares, (copies, count)),
            "means": np.broadcast_to(centers, (copies, count, dim)),
            "covariances": np.broadcast_to(each, (copies, count, dim, dim)),
        }

    def draw(self, streams: Streams, generation: int, purpose: str, n: int) -> Fields:
        centers = self.centers
        u = streams.draw(generation, f"{purpose}/u", Uniform((n,)))
        z = streams.draw(generation, f"{purpose}/z", Normal((n, centers.shape[1])))
        member = np.searchsorted(np.cumsum(self.shares), u, side="right")
        return {"x": centers[np.minimum(member, len(centers) - 1)] + self.deviation * z}

    def second_moment(self, n: int) -> float:
        centers = self.centers
        lengths = np.sum(centers**2, axis=1) + centers.shape[1] * self.deviation**2
        return float(self.shares @ lengths)

    def log_density(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        centers = self.centers
        dim = centers.shape[1]
        gaps = np.sum((x[..., None, :] - centers) ** 2, axis=-1) / (2.0 * self.deviation**2)
        logs = np.log(self.shares) - gaps - dim * np.log(np.sqrt(2.0 * np.pi) * self.deviation)
        return np.asarray(np.logaddexp.reduce(logs, axis=-1), dtype=np.float64)

    def problems(self) -> list[tuple[str, str, str]]:
        if (self.form == "given") != (self.means is not None):
            return [("means", "E204", "belong to form 'given', and to it alone")]
        if self.means is not None and len({len(row) for row in self.means}) > 1:
            return [("means", "E204", "must be rows of equal length")]
        if self.means is not None and not self.means[0]:
            return [("means", "E204", "must have a coordinate or more")]
        if self.weights is None:
            return []
        if len(self.weights) != len(self.centers):
            text = f"has {len(self.weights)} numbers for {len(self.centers)} means"
            return [("weights", "E204", text)]
        if min(self.weights) <= 0:
            return [("weights", "E204", "must be above 0")]
        return []
