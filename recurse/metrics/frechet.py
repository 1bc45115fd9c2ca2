"""Frechet distance between model samples and held-out real data on a stated feature map."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from recurse.families import Family
from recurse.metrics import HeldOut, Needs, Sampled, View
from recurse.metrics.normals import moments, squared_w2
from recurse.numerics.arrays import Array, Arrays
from recurse.sources import Source


class Frechet(Sampled, HeldOut):
    """Squared Wasserstein-2 distance of normals fitted to features of samples and of real data."""

    kind: Literal["frechet"] = "frechet"
    version: ClassVar[int] = 2
    cite = "Heusel et al. 1706.08500 (FID), on the feature map named here"
    needs: ClassVar[Needs] = ("samples", "heldout")
    label: ClassVar[str] = "Frechet distance"
    speaks: ClassVar[frozenset[int]] = frozenset({1, 2, 3, 4})
    features: Literal["pca", "raw"] = "pca"
    """``raw``: the values themselves; ``pca``: the first ``components`` principal axes of the
    held-out real data."""
    components: Annotated[int, Field(ge=1, le=512)] = 20
    """Principal axes kept by ``pca``."""
    samples: Annotated[int, Field(ge=50, le=100_000)] = 1000
    """Samples drawn per model."""
    heldout: Annotated[int, Field(ge=50, le=100_000)] = 1000
    """Held-out samples per seed if the source is a law; a data set has its own test split."""

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        return without_vectors(source, family)

    def measure(self, xp: Any, view: View) -> Array:
        x = xp.astype(vectors(view.samples)[:, : self.samples, ...], xp.float64)
        real = xp.astype(vectors(view.reference), xp.float64)
        if real.ndim == 2:
            real = real[None, ...]
        if self.features == "pca":
            x, real = self._project(xp, x, real)
        mean0, covariance0 = (
            xp.broadcast_to(m, (x.shape[0], *m.shape[1:])) for m in moments(xp, real)
        )
        return squared_w2(xp, *moments(xp, x), mean0, covariance0)

    def _project(self, xp: Any, x: Array, real: Array) -> tuple[Array, Array]:
        mean, covariance = moments(xp, real)
        axes = xp.linalg.eigh(covariance)[1][..., -min(self.components, real.shape[-1]) :]
        return tuple(xp.matmul(v - mean[:, None, :], axes) for v in (x, real))


def vectors(batch: Arrays) -> Array:
    """The field that holds vectors: ``image`` or ``x``."""
    return batch["image"] if "image" in batch else batch["x"]


def without_vectors(source: Source, family: Family[Any]) -> str | None:
    """The reason why samples are not vectors, or None."""
    fields = family.fields(source)
    if "y" not in fields and ("image" in fields or "x" in fields):
        return None
    return (
        f"needs samples that are vectors or images, family '{family.kind}' samples {list(fields)}"
    )
