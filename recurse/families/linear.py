"""Linear regression by least squares, ridge or minimum norm; the label noise is the source's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recurse.families import wishart
from recurse.families.labelling import Labelling, copies
from recurse.families.roles import Exact, Weighed
from recurse.numerics.arrays import Array, Arrays
from recurse.numerics.streams import Draw, Normal, Streams
from recurse.schedule import Row
from recurse.sources import Source
from recurse.sources.linear_regression import Regression

_SINGULAR = 1e-12


class Linear(Labelling[Regression], Exact[Regression], Weighed[Regression]):
    """``y = x.coef + noise``: parameters ``coef [R, d]``; the last model labels new data.

    Least squares on samples that span fewer than d dimensions (a verifier left too few, say) have
    no fit: the replicate is recorded as failed in that generation. With ``ridge`` or ``min_norm``
    any sample will do.
    """

    kind: Literal["linear"] = "linear"
    cite = "Mobahi et al. 2002.05715; Dohmatob et al. 2402.07712; Gerstgrasser et al. 2404.01413"
    parameters: ClassVar[tuple[str, ...]] = ("coef",)
    ridge: Annotated[float, Field(ge=0)] = 0.0
    """Penalty on ``|coef|^2`` beside the mean squared error; 0 is ordinary least squares."""
    prior: Annotated[float, Field(ge=0, le=1e12)] = 0.0
    """In place of ``ridge``: the fit is the posterior ``N(coef, noise^2 precision^-1)`` under a
    prior ``N(0, noise^2 I / prior)``, the noise known. Parameters are then ``precision [R, d, d]``,
    the Gram matrix plus ``prior I``, and ``divergence [R]``, 0 until a corrector changes the model.
    """
    min_norm: bool = False
    """Allow fewer samples than dimensions: of all least-squares solutions take the shortest. What
    lies below 1e-10 of the largest eigenvalue of the Gram matrix counts as zero."""

    def refusal(self, source: Source) -> str | None:
        if isinstance(source, Regression):
            return None
        return (
            f"'linear' labels data with the noise of a regression, source '{source.kind}' has none"
        )

    def numbers(self, source: Regression) -> int:
        """Without a penalty, a reused design needs no Gram matrix per pool."""
        if source.design == "reused" and not (self.ridge or self.prior or self.min_norm):
            return 2 * source.dim + 2
        return super().numbers(source)

    def cost(self, source: Regression, size: int) -> tuple[int, float]:
        """The reused design is held once, and drawn by way of several of its size."""
        return (7 * source.dim**2 if source.design == "reused" else 0), 0.0

    def estimate_cost(self, source: Regression) -> float:
        """A reused design is solved once."""
        return 4.0 * (source.dim + 1.0) ** (2 if source.design == "reused" else 3)

    def problems(self, source: Regression, row: Row, real: int) -> list[tuple[str, str, str]]:
        found = super().problems(source, row, real)
        least = source.dim + 2
        if sum(map(bool, (self.min_norm, self.ridge, self.prior))) > 1:
            text = "a penalty, a prior and minimum norm exclude each other"
            found.append(("model.ridge" if self.ridge else "model.prior", "E204", text))
        elif self.min_norm and abs(row.size - source.dim) < 2:
            text = (
                f"minimum norm in {source.dim} dimensions has no finite risk with {row.size} "
                f"samples (generation {row.generation})"
            )
            found.append(("samples", "E204", text))
        elif not (self.ridge or self.prior or self.min_norm) and row.size < least:
            found.append(
                (
                    "samples",
                    "E204",
                    f"least squares in {source.dim} dimensions needs {least} samples for a finite "
                    f"risk; generation {row.generation} is fitted on {row.size}",
                )
            )
        return found

    def statistics(self, xp: Any, batch: Arrays, weights: Array) -> dict[str, Array]:
        weighted = xp.matrix_transpose(weights[..., None] * batch["x"])
        return {
            "count": xp.sum(weights, axis=1),
            "gram": xp.matmul(weighted, batch["x"]),
            "moment": xp.matmul(weighted, batch["y"][..., None])[..., 0],
        }

    def merge(self, xp: Any, left: Arrays, right: Arrays) -> dict[str, Array]:
        return {name: left[name] + right[name] for name in left}

    def determined(self, xp: Any, statistics: Arrays) -> Arrays:
        """A Gram matrix whose smallest eigenvalue is below 1e-12 of the largest has no inverse."""
        if self.ridge or self.prior or self.min_norm:
            return statistics
        gram = statistics["gram"]
        finite = xp.isfinite(xp.sum(gram, axis=(1, 2)))[:, None, None]
        values = xp.linalg.eigvalsh(xp.where(finite, gram, xp.zeros_like(gram)))
        spans = (values[:, 0] > _SINGULAR * values[:, -1])[:, None, None]
        return {**statistics, "gram": xp.where(spans, gram, xp.full_like(gram, float("nan")))}

    def estimate(self, xp: Any, statistics: Arrays) -> dict[str, Array]:
        count = statistics["count"][:, None]
        if "gram" not in statistics:
            return {"coef": statistics["coef"] / count}
        # Nothing left (all was filtered out) has no fit; a singular matrix would stop the block.
        gram, moment = statistics["gram"], statistics["moment"]
        gram = xp.where(count[..., None] > 0, gram, xp.full_like(gram, float("nan")))
        if self.min_norm:
            return {"coef": _shortest(xp, gram, moment)}
        if self.ridge or self.prior:
            identity = xp.eye(gram.shape[-1], dtype=xp.float64)[None, ...]
            gram = gram + (self.ridge * count + self.prior)[..., None] * identity
        fitted = {"coef": xp.linalg.solve(gram, moment[..., None])[..., 0]}
        if self.prior:
            fitted |= {"precision": gram, "divergence": xp.zeros_like(count[:, 0])}
        return fitted

    def noise(self, source: Regression, n: int) -> Mapping[str, Draw]:
        return {**self.new_inputs(source, n), "e": Normal((n,))}

    def sample(
        self, xp: Any, source: Regression, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        e = noise["e"]
        if "x" not in noise:
            x = copies(xp, design["x"], e.shape[1])
        elif (deviations := source.deviations) is not None:
            x = noise["x"] * xp.asarray(deviations)[None, None, :]
        else:
            x = noise["x"]
        return {"x": x, "y": xp.matmul(x, params["coef"][..., None])[..., 0] + source.noise * e}

    def statistics_noise(self, source: Regression, n: int) -> Mapping[str, Draw]:
        score: dict[str, Draw] = {"z": Normal((source.dim,))}
        return score if source.design == "reused" else {**score, **wishart.request(source.dim, n)}

    def sample_statistics(
        self,
        xp: Any,
        source: Regression,
        n: int,
        params: Arrays,
        noise: Arrays,
        design: Arrays,
    ) -> dict[str, Array]:
        """Gram matrix ``G`` and moment ``G coef + noise G^(1/2) z`` of n labelled samples.

        With a reused design and no ridge the pools share ``G``, so a pool is summed up by its own
        estimate ``coef + noise G^(-1/2) z``, kept times n so that pools add.
        """
        coef, z = params["coef"], noise["z"][..., None]
        count = xp.full_like(coef[:, 0], float(n))
        if "whitener" in design:
            spread = source.noise * xp.sqrt(design["count"] / n)
            fitted = coef + spread * xp.matmul(design["whitener"], z)[..., 0]
            return {"count": count, "coef": n * fitted}
        if "factor" in design:
            root = design["factor"] * xp.sqrt(n / design["count"])
        else:
            root = wishart.bartlett(xp, noise["diagonal"], noise["below"], source.dim)
            if (deviations := source.deviations) is not None:
                root = xp.asarray(deviations)[None, :, None] * root
        gram = xp.matmul(root, xp.matrix_transpose(root))
        moment = xp.matmul(gram, coef[..., None]) + source.noise * xp.matmul(root, z)
        return {"count": count, "gram": gram, "moment": moment[..., 0]}

    def design(
        self, source: Regression, streams: Streams, real: int
    ) -> Mapping[str, NDArray[np.float64]]:
        """Factor of the reused Gram matrix; for least squares its inverse transpose."""
        if source.design == "fresh":
            return {}
        draws = streams.draws(0, "design", wishart.request(source.dim, real))
        root = wishart.host_bartlett(draws, source.dim)
        if source.deviations is not None:
            root = source.deviations[:, None] * root
        count = np.asarray(float(real))
        if self.ridge or self.prior or self.min_norm:
            return {"count": count, "factor": root}
        return {"count": count, "whitener": np.swapaxes(np.linalg.inv(root), 1, 2)}

    def evaluate(self, xp: Any, source: Regression, params: Arrays, data: Arrays) -> Array:
        error = data["y"] - xp.matmul(data["x"], params["coef"][..., None])[..., 0]
        variance = source.noise**2
        return -0.5 * (xp.mean(error**2, axis=1) / variance + math.log(2.0 * math.pi * variance))


def _shortest(xp: Any, gram: Array, moment: Array) -> Array:
    """``G^+ m``; a Gram matrix that is not finite gives coefficients that are not."""
    broken = ~xp.isfinite(xp.sum(gram, axis=(1, 2)))[:, None]
    values, vectors = xp.linalg.eigh(xp.where(broken[..., None], xp.zeros_like(gram), gram))
    kept = values > 1e-10 * values[:, -1:]
    inverse = xp.where(kept, 1.0 / xp.where(kept, values, xp.ones_like(values)), 0.0 * values)
    inside = xp.matmul(xp.matrix_transpose(vectors), moment[..., None])
    coef = xp.matmul(vectors, inverse[..., None] * inside)[..., 0]
    return xp.where(broken, xp.full_like(coef, float("nan")), coef)
