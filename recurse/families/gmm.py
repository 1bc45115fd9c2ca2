"""Gaussian mixtures by expectation-maximisation, many replicates and restarts in one program."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recurse.families import em
from recurse.families.closed import Programs
from recurse.families.roles import Pointwise
from recurse.numerics.arrays import Array, Arrays
from recurse.numerics.streams import Draw, Normal, Uniform
from recurse.schedule import Row
from recurse.sources import Source

_WIDE = 1 << 16  # shares in one step: 512 kB, which stays in the cache
_NARROW = 1 << 13  # below that, a step takes as long as its calls
_ROUNDING = 1e-12  # of the data's variance: what rounding can take from a covariance, and more
_TINY = float(np.finfo(np.float64).tiny)
_USUAL = 12  # steps of a fit, for estimates
_EXPONENTIAL = 20.0  # arithmetic operations that one takes the time of


class Gmm(Pointwise[Source]):
    """``sum_k w_k N(m_k, S_k)``: ``weights [R, k]``, ``means [R, k, d]``, ``covariances``.

    Each restart starts from k-means++ and four rounds of k-means; the best likelihood is kept.
    Rules for what degenerates: ``floor`` (or 1e-12 of the data's variance, if that is more) is
    added to the diagonal of every covariance, so a component on one point stays a density; a
    component without weight keeps its place and weight 0. ``degenerate [R]`` counts components with
    less than one sample or a variance below ten floors.
    """

    kind: Literal["gmm"] = "gmm"
    version: ClassVar[int] = 2
    cite = "Dempster, Laird & Rubin 1977; scikit-learn, sklearn.mixture.GaussianMixture"
    needs: ClassVar[tuple[str, ...]] = ("x",)
    parameters: ClassVar[tuple[str, ...]] = (
        *("weights", "means", "covariances", "second_moment", "degenerate"),
    )
    quantities: ClassVar[tuple[str, ...]] = ("log_prob",)
    components: Annotated[int, Field(ge=1, le=1000)] = 2
    """The number of components."""
    covariance: Literal["full", "diag", "tied"] = "full"
    """``full``: each its own matrix; ``diag``: its own variances; ``tied``: one matrix for all."""
    restarts: Annotated[int, Field(ge=1, le=100)] = 1
    """Starts from different points."""
    iterations: Annotated[int, Field(ge=1, le=10_000)] = 100
    """The most steps of a fit."""
    tolerance: Annotated[float, Field(ge=0)] = 1e-3
    """A fit ends when the mean log-likelihood changes by less, in nats per sample; the first step
    is compared with that of the clusters it starts from, each sample in its own."""
    floor: Annotated[float, Field(gt=0)] = 1e-6
    """Variance added to every coordinate of every component."""

    def problems(self, source: Source, row: Row, real: int) -> list[tuple[str, str, str]]:
        if row.size >= self.components:
            return []
        text = f"{self.components} components need as many samples or more, not {row.size}"
        return [("model.components", "E204", text)]

    def cost(self, source: Source, size: int) -> tuple[int, float]:
        features, pairs = self._features(source), size * self.restarts * self.components
        steps = min(self.iterations, _USUAL)
        return 2 * features * size + 3 * pairs, pairs * steps * (4.0 * features + _EXPONENTIAL)

    def density_cost(self, source: Source, size: int) -> float:
        return self.components * (2.0 * self._features(source) + _EXPONENTIAL)

    def _features(self, source: Source) -> int:
        (dim,) = source.fields["x"]
        return dim * dim + dim + 1

    def statistics(self, xp: Any, batch: Arrays, weights: Array) -> dict[str, Array]:
        """The samples themselves: nothing smaller serves a fit."""
        return {"x": batch["x"], "weight": weights, "count": xp.sum(weights, axis=1)}

    def fit_noise(self, source: Source) -> Mapping[str, Draw]:
        trials = 2 + int(math.log(self.components))
        return {"seeds": Uniform((self.restarts, self.components, trials))}

    def solve(self, call: Programs, statistics: Arrays, previous: Arrays) -> Arrays:
        """All replicates, a few at a time; one that has settled makes room for one that waits.

        So a replicate is stepped about as often as it needs, whatever its neighbours need, and the
        arrays of a step stay in the cache. How many go together follows from their size alone.
        """
        data = call("prepare", {k: v for k, v in statistics.items() if k != "seeds"})
        replicates, n = data["weight"].shape
        each = self.restarts * self.components * n
        width, least = (max(1, _power(size // each)) for size in (_WIDE, _NARROW))
        width = min(replicates, width)
        book = self._started(call, data, statistics["seeds"], 4 * width)
        rows, waiting = np.arange(width), np.arange(width, replicates)
        while len(rows):
            while width > least and len(rows) <= width // 2:
                width //= 2
            rows = np.concatenate([rows, np.full(width - len(rows), replicates)])
            # It goes on while more are moving than that; the others make room, or less is needed.
            fewer = width // 2 if width > least else 0
            few = width - max(1, width // 4) if len(waiting) else fewer
            known = np.minimum(rows, replicates - 1)
            loaded = call("load", data, call.put(known), call.put(book[rows]), few)
            state = call.repeat("step", "enough", loaded)
            sums, level, left = (call.host(state[name]) for name in ("sums", "level", "left"))
            book[rows, :, :-2] = sums.reshape((*level.shape, -1))
            book[rows, :, -2], book[rows, :, -1] = level, left
            rows = rows[np.any(left > 0.0, axis=1)]
            room = width - len(rows)
            rows, waiting = np.concatenate([rows, waiting[:room]]), waiting[room:]
        best: Arrays = call("best", data, statistics["count"], call.put(book[:-1]))
        return best

    def _started(self, call: Programs, data: Arrays, seeds: Array, width: int) -> NDArray[Any]:
        """The state of every fit before its first step, on the host; a row more that rests.

        Sums, the level and how many steps are left: ``[R + 1, S, k f + 2]``.
        """
        replicates = data["weight"].shape[0]
        width = min(replicates, width)
        parts = []
        for first in range(0, replicates, width):
            rows = np.minimum(np.arange(first, first + width), replicates - 1)
            parts.append(call.host(call("start", data, seeds, call.put(rows))))
        book = np.concatenate([*parts, parts[0]])[: replicates + 1]
        book[-1, :, -1] = 0.0
        return book

    def prepare(self, xp: Any, statistics: Arrays) -> dict[str, Array]:
        """Samples about their mean as rows ``[R, d, n]``, with weights that add up to one.

        ``floor`` is what is added to covariances: ``[R, 1, 1, d, d]``.
        """
        replicates, n, dim = statistics["x"].shape
        count = statistics["count"]
        count = xp.where(count > 0.0, count, xp.nan)  # nothing left (all was filtered out): no fit
        weight = statistics["weight"] / count[:, None]
        centre = xp.matmul(weight[:, None, :], statistics["x"])
        columns = xp.matrix_transpose(statistics["x"] - centre)
        # Through one dimension: the transpose alone would leave the numbers where they are.
        x = xp.reshape(xp.reshape(columns, (replicates, dim * n)), (replicates, dim, n))
        spread = xp.sum(weight * xp.sum(x**2, axis=1), axis=1) / dim
        floor = xp.clip(_ROUNDING * spread, min=self.floor)[:, None, None, None, None]
        floor = floor * xp.eye(dim, dtype=xp.float64)[None, None, None, ...]
        return {"x": x, "weight": weight, "floor": floor, "centre": centre}

    def start(self, xp: Any, data: Arrays, seeds: Array, rows: Array) -> Array:
        """The clusters of k-means of some replicates, as the state of a fit: ``[R, S, k f + 2]``.

        Its means are found on every s-th sample: at least 128 and 16 for each component. The level
        is the log-likelihood with each sample in its cluster, the bound that EM raises: where no
        sample could be in another one, it is that of the mixture, and one step will tell.
        """
        x, weight, floor = (xp.take(data[name], rows, axis=0) for name in ("x", "weight", "floor"))
        stride = max(1, x.shape[2] // max(128, 16 * self.components))
        picked = xp.take(seeds, rows, axis=0)
        means = em.k_means(xp, x[:, :, ::stride], weight[:, ::stride], picked)
        columns = xp.matrix_transpose(em.features(xp, x) * weight[:, None, :])
        sums = em.products(xp, em.nearest(xp, x, means), columns)
        flat = xp.reshape(means, (x.shape[0], -1, x.shape[1]))
        points = xp.matrix_transpose(em.features(xp, xp.matrix_transpose(flat)))
        # A cluster without samples keeps its place.
        sums = sums + em.LOST * xp.reshape(points, sums.shape)
        params = self._params(xp, sums[..., -1], sums / sums[..., -1:], floor)
        level = xp.sum(em.coefficients(xp, *params) * sums, axis=(2, 3))[:, :, None]
        left = xp.full_like(level, float(self.iterations))
        return xp.concat([xp.reshape(sums, (*sums.shape[:2], -1)), level, left], axis=2)

    def load(self, xp: Any, data: Arrays, rows: Array, book: Array, few: int) -> dict[str, Array]:
        """The state of a few replicates together with their samples."""
        x, weight, floor = (xp.take(data[name], rows, axis=0) for name in ("x", "weight", "floor"))
        features = em.features(xp, x)
        return {
            **_opened(xp, book, features.shape[1]),
            "features": features,
            "columns": xp.matrix_transpose(features * weight[:, None, :]),
            "weight": weight[:, None, None, :],
            "floor": floor,
            "few": xp.asarray(few),
        }

    def step(self, xp: Any, state: Arrays) -> dict[str, Array]:
        """One step of EM; what has settled stays as it is, whatever its neighbours do."""
        sums, left = state["sums"], state["left"]
        moments = sums / sums[..., -1:]
        params = self._params(xp, sums[..., -1], moments, state["floor"])
        logs = em.products(xp, em.coefficients(xp, *params), state["features"])
        share, level = em.shares(xp, logs, state["weight"])
        # A component without weight keeps its place.
        fresh = em.products(xp, share, state["columns"]) + em.LOST * moments
        moving = left > 0.0
        still = xp.abs(level - state["level"]) < self.tolerance
        return {
            **state,
            "sums": xp.where(moving[..., None, None], fresh, sums),
            "level": xp.where(moving, level, state["level"]),
            "left": xp.where(still, 0.0, left - 1.0),
        }

    def enough(self, xp: Any, state: Arrays) -> Array:
        """True if so few replicates are still moving that others should have their places."""
        return xp.count_nonzero(xp.max(state["left"], axis=1) > 0.0) <= state["few"]

    def _params(
        self, xp: Any, weights: Array, moments: Array, floor: Array
    ) -> tuple[Array, Array, Array]:
        """Weights, means and covariances of weights ``[R, S, k]`` and moments ``[R, S, k, f]``."""
        dim = floor.shape[-1]
        means = moments[..., dim * dim : -1]
        second = xp.reshape(moments[..., : dim * dim], (*means.shape, dim))
        covariances = second - means[..., :, None] * means[..., None, :]
        if self.covariance == "diag":
            covariances = covariances * xp.eye(dim, dtype=xp.float64)[None, None, None, ...]
        if self.covariance == "tied":
            pooled = xp.sum(weights[..., None, None] * covariances, axis=2)[:, :, None, :, :]
            covariances = xp.broadcast_to(pooled, covariances.shape)
        return weights, means, covariances + floor

    def best(self, xp: Any, data: Arrays, count: Array, book: Array) -> dict[str, Array]:
        """The restart with the highest likelihood, and what it says of the data as a whole."""
        dim = data["centre"].shape[-1]
        state = _opened(xp, book, dim * dim + dim + 1)
        top = xp.argmax(state["level"], axis=1)[:, None, None, None]
        index = xp.broadcast_to(top, (top.shape[0], 1, *state["sums"].shape[2:]))
        chosen = xp.take_along_axis(state["sums"], index, axis=1)
        found = self._params(xp, chosen[..., -1], chosen / chosen[..., -1:], data["floor"])
        weights, means, covariances = (values[:, 0, ...] for values in found)
        weights = xp.where(weights > em.GONE, weights, 0.0)
        means = means + data["centre"]
        variances = xp.linalg.diagonal(covariances)
        squares = xp.sum(variances + means**2, axis=2)
        narrow = xp.min(variances, axis=2) < 10.0 * data["floor"][:, 0, 0, 0, :1]
        few = weights * count[:, None] < 1.0
        return {
            "weights": weights,
            "means": means,
            "covariances": covariances,
            "second_moment": xp.sum(weights * squares, axis=1),
            "degenerate": xp.sum(xp.astype(xp.logical_or(narrow, few), xp.float64), axis=1),
        }

    def noise(self, source: Source, n: int) -> Mapping[str, Draw]:
        return {"u": Uniform((n,)), "z": Normal((n, *source.fields["x"]))}

    def sample(
        self, xp: Any, source: Source, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        replicates, k, dim = params["means"].shape
        ends = xp.cumulative_sum(params["weights"], axis=1)
        passed = noise["u"][:, None, :] * ends[:, -1:, None] >= ends[:, :-1, None]
        member = xp.count_nonzero(passed, axis=1)
        lower = xp.reshape(_factor(xp, params["covariances"]), (replicates, k, dim * dim))
        parts = xp.reshape(xp.concat([params["means"], lower], axis=2), (replicates * k, -1))
        place = member + k * xp.arange(replicates, dtype=member.dtype)[:, None]
        parts = xp.take(parts, xp.reshape(place, (-1,)), axis=0)
        parts = xp.reshape(parts, (*member.shape, dim + dim * dim))
        x = parts[..., :dim]
        for axis in range(dim):
            x = x + parts[..., dim + axis :: dim] * noise["z"][..., axis : axis + 1]
        return {"x": x}

    def evaluate(self, xp: Any, source: Source, params: Arrays, data: Arrays) -> Array:
        x = data["x"]
        x = x[None, ...] if x.ndim == 2 else x
        weights, covariances = params["weights"], params["covariances"]
        weights = xp.where(weights > 0.0, weights, _TINY)
        centre = xp.mean(params["means"], axis=1)[:, None, :]
        rows = em.features(xp, xp.matrix_transpose(x - centre))
        found = em.coefficients(xp, weights, params["means"] - centre, covariances)
        weight = rows[:, None, -1:, :] / rows.shape[2]
        return em.shares(xp, xp.matmul(found, rows)[:, None, ...], weight)[1][:, 0]


def _power(number: int) -> int:
    """The greatest power of two that is not above a number; 0 for 0."""
    return 1 << (number.bit_length() - 1) if number > 0 else 0


def _opened(xp: Any, book: Array, width: int) -> dict[str, Array]:
    """The state of fits ``[R, S, k f + 2]`` by name; ``width`` is f."""
    sums = xp.reshape(book[:, :, :-2], (*book.shape[:2], -1, width))
    return {"sums": sums, "level": book[:, :, -2], "left": book[:, :, -1]}


def _factor(xp: Any, covariances: Array) -> Array:
    """Cholesky factors ``[..., d, d]``; the identity where there is no model to draw from.

    A factorisation that raises would stop every replicate of the block; the floor of the variances
    leaves no other reason to.
    """
    positive = xp.all(xp.linalg.diagonal(covariances) > 0.0, axis=-1)
    whole = (positive & xp.all(xp.isfinite(covariances), axis=(-2, -1)))[..., None, None]
    eye = xp.eye(covariances.shape[-1], dtype=xp.float64)
    return xp.linalg.cholesky(xp.where(whole, covariances, xp.broadcast_to(eye, covariances.shape)))
