"""A normal distribution of any dimension."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recurse.numerics.arrays import Fields
from recurse.numerics.streams import Normal, Streams
from recurse.sources import Source


class GaussianSource(Source):
    """``N(mean, covariance)``; by default the standard normal."""

    kind: Literal["gaussian"] = "gaussian"
    law: ClassVar[str | None] = "gaussian"
    dim: Annotated[int, Field(ge=1, le=10_000)] = 1
    mean: Annotated[tuple[float, ...], Field(min_length=1)] | None = None
    """One number per dimension; zero by default."""
    covariance: Annotated[tuple[tuple[float, ...], ...], Field(min_length=1)] | None = None
    """Rows of a symmetric positive definite matrix; the identity by default."""

    @property
    def fields(self) -> dict[str, tuple[int, ...]]:
        return {"x": (self.dim,)}

    @property
    def center(self) -> NDArray[np.float64]:
        """The mean, ``[d]``."""
        return np.zeros(self.dim) if self.mean is None else np.asarray(self.mean)

    @property
    def matrix(self) -> NDArray[np.float64]:
        """The covariance, ``[d, d]``."""
        return np.eye(self.dim) if self.covariance is None else np.asarray(self.covariance)

    def truth(self, streams: Streams) -> Fields:
        copies = len(streams.seeds)
        return {
            "mean": np.broadcast_to(self.center, (copies, self.dim)),
            "covariance": np.broadcast_to(self.matrix, (copies, self.dim, self.dim)),
        }

    def draw(self, streams: Streams, generation: int, purpose: str, n: int) -> Fields:
        z = streams.draw(generation, f"{purpose}/z", Normal((n, self.dim)))
        return {"x": self.center + z @ np.linalg.cholesky(self.matrix).T}

    def second_moment(self, n: int) -> float:
        return float(np.trace(self.matrix) + self.center @ self.center)

    def log_density(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        root = np.linalg.cholesky(self.matrix)
        constant = np.log(np.diagonal(root)).sum() + 0.5 * self.dim * np.log(2.0 * np.pi)
        return np.asarray(-0.5 * self._squares(x) - constant, dtype=np.float64)

    def rarity(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """The squared distance in standard deviations is chi-square with d degrees of freedom."""
        from scipy.special import gammaincc

        return np.asarray(gammaincc(0.5 * self.dim, 0.5 * self._squares(x)), dtype=np.float64)

    def _squares(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """``(x - mean)' covariance^-1 (x - mean)``, ``[...]``."""
        root = np.linalg.cholesky(self.matrix)
        white = (x - self.center) @ np.linalg.inv(root).T
        return np.asarray(np.sum(white**2, axis=-1), dtype=np.float64)

    def problems(self) -> list[tuple[str, str, str]]:
        found = []
        if self.mean is not None and len(self.mean) != self.dim:
            found.append(("mean", "E204", f"has {len(self.mean)} numbers, dim is {self.dim}"))
        rows = self.covariance
        if rows is None:
            return found
        if any(len(row) != self.dim for row in rows) or len(rows) != self.dim:
            found.append(("covariance", "E204", f"must be {self.dim} rows of {self.dim} numbers"))
        elif not np.allclose(self.matrix, self.matrix.T):
            found.append(("covariance", "E204", "is not symmetric"))
        elif np.linalg.eigvalsh(self.matrix)[0] <= 0:
            found.append(("covariance", "E204", "is not positive definite"))
        return found
