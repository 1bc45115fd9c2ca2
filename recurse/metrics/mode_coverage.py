"""The share of the source's modes that the model still produces."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from recurse.families import Family
from recurse.metrics import Needs, Sampled, View
from recurse.metrics.frechet import without_vectors
from recurse.numerics.arrays import Array
from recurse.sources import Source
from recurse.sources.mixture import Mixture


class ModeCoverage(Sampled):
    """The share of true modes near which the model puts at least ``least`` of their weight.

    Near is within ``radius`` standard deviations of the mode, along the mean of its axes.
    """

    kind: Literal["mode_coverage"] = "mode_coverage"
    version: ClassVar[int] = 2
    cite = "the grid of 25 modes of Alemohammad et al. 2307.01850"
    needs: ClassVar[Needs] = ("truth", "samples")
    label: ClassVar[str] = "modes covered"
    worse: ClassVar[Literal["up", "down"]] = "down"
    speaks: ClassVar[frozenset[int]] = frozenset({6})
    samples: Annotated[int, Field(ge=50, le=100_000)] = 1000
    """Samples drawn per model."""
    radius: Annotated[float, Field(gt=0, le=100)] = 4.0
    """The distance, in standard deviations of the mode."""
    least: Annotated[float, Field(gt=0, le=1)] = 0.2
    """The share of a mode's true weight that counts as covered."""

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        return without_modes(source, family)

    def beside(self, source: Source) -> int:
        return gap_numbers(source, self.samples)

    def measure(self, xp: Any, view: View) -> Array:
        variance = xp.mean(xp.linalg.diagonal(view.truth["covariances"]), axis=2)
        gap = gaps(xp, view, self.samples)
        near = xp.astype(gap <= self.radius**2 * variance[:, None, :], xp.float64)
        covered = xp.mean(near, axis=1) >= self.least * view.truth["weights"]
        return xp.mean(xp.astype(covered, xp.float64), axis=1)


def without_modes(source: Source, family: Family[Any]) -> str | None:
    """The reason why samples cannot be told by the modes of the source, or None."""
    if source.law != "gmm":
        return f"source '{source.kind}' has no modes that are known"
    return without_vectors(source, family)


def gaps(xp: Any, view: View, samples: int) -> Array:
    """Squared distances of the first samples to the true means, ``[R, n, k]``."""
    means, x = view.truth["means"], xp.astype(view.samples["x"][:, :samples, ...], xp.float64)
    return xp.sum((x[:, :, None, :] - means[:, None, :, :]) ** 2, axis=3)


def gap_numbers(source: Source, samples: int) -> int:
    """Numbers of one replicate that ``gaps`` holds: differences ``[n, k, d]`` and their squares."""
    return 2 * samples * source.centers.size if isinstance(source, Mixture) else 0
