"""The distance of the samples of one model from each other."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from recurse.families import Family
from recurse.metrics import Needs, Sampled, View
from recurse.metrics.frechet import vectors, without_vectors
from recurse.numerics.arrays import Array
from recurse.sources import Source


class Diversity(Sampled):
    """Mean Euclidean distance between two independent samples of the model."""

    kind: Literal["diversity"] = "diversity"
    version: ClassVar[int] = 2
    cite = "Gillman et al. 2402.07087 (diversity: mean distance of random pairs)"
    needs: ClassVar[Needs] = ("samples",)
    label: ClassVar[str] = "diversity (mean pair distance)"
    worse: ClassVar[Literal["up", "down"]] = "down"
    speaks: ClassVar[frozenset[int]] = frozenset({5})
    samples: Annotated[int, Field(ge=10, le=100_000)] = 1000
    """Samples drawn per model; they form half as many independent pairs."""

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        return without_vectors(source, family)

    def measure(self, xp: Any, view: View) -> Array:
        x = vectors(view.samples)[:, : self.samples, ...]
        half = x.shape[1] // 2
        gap = x[:, :half, :] - x[:, half : 2 * half, :]
        return xp.mean(xp.sqrt(xp.sum(gap**2, axis=-1)), axis=-1)
