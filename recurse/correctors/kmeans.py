"""Projection of synthetic samples on centroids of the real sample (Gillman et al., MNIST)."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recurse.correctors import Corrector, Origin, Prepared
from recurse.numerics.arrays import Array, Arrays, Batch, Fields, Host
from recurse.numerics.streams import Streams
from recurse.sources import Source

_FIELDS = ("image", "x")


class KMeans(Corrector):
    """Move each sample to the nearest centroid of the real data, of its class if it has a label."""

    kind: Literal["kmeans"] = "kmeans"
    version: ClassVar[int] = 2
    cite = "Gillman et al. 2402.07087, section 6 and exp_scripts/mnist"
    origin: ClassVar[Origin] = "real sample"
    moves: ClassVar[bool] = True
    clusters: Annotated[int, Field(ge=1, le=4096)] = 16
    """Centroids, per class where samples have labels."""
    strength: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The part of the way to its centroid that a sample moves; 1 puts it there."""

    def refusal(self, source: Source, fields: tuple[str, ...]) -> str | None:
        if not any(name in fields for name in _FIELDS) or "y" in fields:
            return f"k-means needs vectors or images without a regression label, not {fields}"
        return None

    def prepare(self, streams: Streams, source: Source, real: Fields) -> Host:
        """Centroids ``[R, k, d]`` and their labels ``[R, k]`` where the real sample has labels."""
        name = _vector(real)
        seeds = [int(g.integers(2**31)) for g in streams.generators(0, "corrector/kmeans")]
        found = [
            self._centroids(real[name][r], real["label"][r] if "label" in real else None, seed)
            for r, seed in enumerate(seeds)
        ]
        # Of a real sample with fewer classes some centroids come twice, which moves no sample.
        most = max(len(labels) for _, labels in found)
        dim = real[name].shape[2]
        prepared: dict[str, NDArray[Any]] = {
            "centroids": np.stack([np.resize(centroids, (most, dim)) for centroids, _ in found])
        }
        if "label" in real:
            prepared["labels"] = np.stack([np.resize(labels, most) for _, labels in found])
        return prepared

    def _centroids(
        self, x: NDArray[Any], labels: NDArray[Any] | None, seed: int
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        from sklearn.cluster import KMeans as Clusters

        groups = [0] if labels is None else sorted(set(labels.tolist()))
        centroids, owners = [], []
        for group in groups:
            members = x if labels is None else x[labels == group]
            count = min(self.clusters, len(members))
            fitted = Clusters(count, n_init=4, random_state=seed).fit(members)
            # Fewer members than clusters: repeat centroids, so that every replicate has one shape.
            centroids.append(np.resize(fitted.cluster_centers_, (self.clusters, x.shape[1])))
            owners.append(np.full(self.clusters, group, dtype=np.int64))
        return np.concatenate(centroids).astype(x.dtype), np.concatenate(owners)

    def correct(
        self, xp: Any, batch: Arrays, prepared: Prepared, draws: Arrays
    ) -> tuple[Batch, Array]:
        name = _vector(batch)
        x, centroids = batch[name], prepared.learned["centroids"]
        cross = xp.matmul(x, xp.matrix_transpose(centroids))
        distance = xp.sum(centroids**2, axis=-1)[:, None, :] - 2.0 * cross
        if "labels" in prepared.learned and "label" in batch:
            other = batch["label"][:, :, None] != prepared.learned["labels"][:, None, :]
            # A class that the real sample lacks has no centroids: then the nearest of any.
            other = xp.logical_and(other, xp.logical_not(xp.all(other, axis=-1, keepdims=True)))
            distance = xp.where(other, xp.full_like(distance, float("inf")), distance)
        nearest = xp.argmin(distance, axis=-1)
        index = xp.broadcast_to(nearest[..., None], x.shape)
        target = xp.take_along_axis(centroids, index, axis=1)
        moved = x + self.strength * (target - x)
        share = xp.ones(x.shape[0], dtype=xp.float64)
        return Batch({**batch, name: moved}), share


def _vector(batch: Arrays) -> str:
    return next(name for name in _FIELDS if name in batch)
