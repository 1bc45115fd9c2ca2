"""Normal distributions with free mean and full covariance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from recurse.families import wishart
from recurse.families.roles import Exact
from recurse.numerics.arrays import Array, Arrays
from recurse.numerics.streams import Draw, Normal
from recurse.schedule import Row
from recurse.sources import Source


class Gaussian(Exact[Source]):
    """``N(mean, covariance)``: parameters ``mean [R, d]``, ``covariance [R, d, d]``."""

    kind: Literal["gaussian"] = "gaussian"
    version: ClassVar[int] = 2
    cite = "Shumailov et al. 2305.17493; Kazdan et al. 2410.16713"
    needs: ClassVar[tuple[str, ...]] = ("x",)
    parameters: ClassVar[tuple[str, ...]] = ("mean", "covariance")
    quantities: ClassVar[tuple[str, ...]] = ("log_prob",)
    estimator: Literal["mle", "unbiased"] = "mle"
    """Divide the scatter by n (``mle``) or n - 1 (``unbiased``); it changes every closed form."""

    def problems(self, source: Source, row: Row, real: int) -> list[tuple[str, str, str]]:
        if row.size < 2:
            return [("samples", "E204", f"a covariance needs 2 samples or more, not {row.size}")]
        return []

    def statistics(self, xp: Any, batch: Arrays, weights: Array) -> dict[str, Array]:
        x, w = batch["x"], weights[..., None]
        count = xp.sum(weights, axis=1)
        total = xp.matmul(weights[:, None, :], x)[:, 0, :]
        mean = total / _positive(xp, count)[:, None]
        centred = x - mean[:, None, :]
        return {
            "count": count,
            "mean": mean,
            "scatter": xp.matmul(xp.matrix_transpose(w * centred), centred),
        }

    def merge(self, xp: Any, left: Arrays, right: Arrays) -> dict[str, Array]:
        count = left["count"] + right["count"]
        step = right["mean"] - left["mean"]
        part = right["count"] / _positive(xp, count)
        between = (left["count"] * part)[:, None, None] * step[:, :, None] * step[:, None, :]
        return {
            "count": count,
            "mean": left["mean"] + part[:, None] * step,
            "scatter": left["scatter"] + right["scatter"] + between,
        }

    def scale(self, xp: Any, statistics: Arrays, weight: float) -> dict[str, Array]:
        return {k: v if k == "mean" else weight * v for k, v in statistics.items()}

    def estimate(self, xp: Any, statistics: Arrays) -> dict[str, Array]:
        divisor = statistics["count"] - (1.0 if self.estimator == "unbiased" else 0.0)
        defined = xp.where(divisor > 0, divisor, xp.full_like(divisor, float("nan")))
        return {
            "mean": statistics["mean"],
            "covariance": statistics["scatter"] / defined[:, None, None],
        }

    def noise(self, source: Source, n: int) -> Mapping[str, Draw]:
        return {"z": Normal((n, *source.fields["x"]))}

    def sample(
        self, xp: Any, source: Source, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        lower = wishart.factor(xp, params["covariance"])
        offset = xp.matmul(noise["z"], xp.matrix_transpose(lower))
        return {"x": params["mean"][:, None, :] + offset}

    def statistics_noise(self, source: Source, n: int) -> Mapping[str, Draw]:
        (dim,) = source.fields["x"]
        return {"z": Normal((dim,)), **wishart.request(dim, n - 1)}

    def sample_statistics(
        self, xp: Any, source: Source, n: int, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        """Mean and scatter of n samples: independent, normal and Wishart (n - 1 degrees)."""
        (dim,) = source.fields["x"]
        lower = wishart.factor(xp, params["covariance"])
        root = xp.matmul(lower, wishart.bartlett(xp, noise["diagonal"], noise["below"], dim))
        shift = xp.matmul(lower, noise["z"][..., None])[..., 0] / math.sqrt(n)
        return {
            "count": xp.full_like(shift[:, 0], float(n)),
            "mean": params["mean"] + shift,
            "scatter": xp.matmul(root, xp.matrix_transpose(root)),
        }

    def evaluate(self, xp: Any, source: Source, params: Arrays, data: Arrays) -> Array:
        lower = wishart.factor(xp, params["covariance"])
        centred = data["x"] - params["mean"][:, None, :]
        white = xp.linalg.solve(lower, xp.matrix_transpose(centred))
        dim = lower.shape[-1]
        logdet = 2.0 * xp.sum(xp.log(xp.linalg.diagonal(lower)), axis=-1)
        square = xp.mean(xp.sum(white**2, axis=1), axis=1)
        return -0.5 * (square + logdet + dim * math.log(2.0 * math.pi))


def _positive(xp: Any, count: Array) -> Array:
    """1 in place of 0: no samples (all were filtered out) have mean 0 and weigh nothing."""
    return xp.where(count > 0, count, xp.ones_like(count))
