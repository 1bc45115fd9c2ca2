"""Gaussian mixtures by expectation-maximisation, all replicates and restarts in one program.

A log-density is linear in the features ``(x x', x, 1)``, so each half of a step is one product of
matrices: features by coefficients, responsibilities by features.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from recurse.backend import Array, Arrays
from recurse.families import Closed
from recurse.schedule import Row
from recurse.sources import Source
from recurse.streams import Draw, Normal, Uniform

_ROUNDS = 5  # of k-means after the seeding
_CHECK = 5  # steps between looks at whether all replicates have settled
_GONE = 1e-12


class Gmm(Closed[Source]):
    """``sum_k w_k N(m_k, S_k)``: ``weights [R, k]``, ``means [R, k, d]``, ``covariances``.

    Each restart starts from k-means++ and five rounds of k-means; the best likelihood is kept.
    Rules for what degenerates: ``floor`` is added to the diagonal of every covariance, so a
    component on one point stays a density; a component without weight keeps its place and weight 0.
    ``degenerate [R]`` counts components with less than one sample or a variance below ten floors.
    """

    kind: Literal["gmm"] = "gmm"
    cite = "Dempster, Laird & Rubin 1977; scikit-learn, sklearn.mixture.GaussianMixture"
    needs: ClassVar[tuple[str, ...]] = ("x",)
    parameters: ClassVar[tuple[str, ...]] = (
        *("weights", "means", "covariances", "second_moment", "degenerate"),
    )
    quantities: ClassVar[tuple[str, ...]] = ("log_prob",)
    pointwise: ClassVar[bool] = True
    components: Annotated[int, Field(ge=1, le=1000)] = 2
    """How many."""
    covariance: Literal["full", "diag", "tied"] = "full"
    """``full``: each its own matrix; ``diag``: its own variances; ``tied``: one matrix for all."""
    restarts: Annotated[int, Field(ge=1, le=100)] = 1
    """Starts from different points."""
    iterations: Annotated[int, Field(ge=1, le=10_000)] = 100
    """The most steps of a fit."""
    tolerance: Annotated[float, Field(ge=0)] = 1e-3
    """A fit ends when the mean log-likelihood changes by less, in nats per sample."""
    floor: Annotated[float, Field(gt=0)] = 1e-6
    """Variance added to every coordinate of every component."""

    def problems(self, source: Source, row: Row, real: int) -> list[tuple[str, str, str]]:
        if row.size >= self.components:
            return []
        text = f"{self.components} components need as many samples or more, not {row.size}"
        return [("model.components", "E204", text)]

    def statistics(self, xp: Any, batch: Arrays, weights: Array) -> dict[str, Array]:
        """The samples themselves: nothing smaller serves a fit."""
        return {"x": batch["x"], "weight": weights, "count": xp.sum(weights, axis=1)}

    def fit_noise(self, source: Source) -> Mapping[str, Draw]:
        return {"seeds": Uniform((self.restarts, self.components))}

    def solve(self, call: Callable[..., Any], statistics: Arrays) -> Arrays:
        state = call("start", statistics)
        for step in range(1, self.iterations + 1):
            state = call("step", state)
            if step % _CHECK == 0 and bool(call("settled", state)):
                break
        best: Arrays = call("best", state)
        return best

    def start(self, xp: Any, statistics: Arrays) -> dict[str, Array]:
        """Features and the first parameters of every restart: k-means++ and k-means."""
        x, weight = statistics["x"], statistics["weight"]
        centre = _sum(xp, weight, x) / statistics["count"][:, None]
        x = x - centre[:, None, :]
        means = _plus_plus(xp, x, weight, statistics["seeds"])
        near = _nearest(xp, x, means)
        for _ in range(_ROUNDS):
            share = near * weight[:, None, None, :]
            count = xp.sum(share, axis=3)[..., None]
            fresh = xp.matmul(share, x[:, None, :, :]) / xp.where(
                count > 0.0, count, xp.ones_like(count)
            )
            means = xp.where(count > 0.0, fresh, means)
            near = _nearest(xp, x, means)
        replicates, _, k, dim = means.shape
        square = xp.reshape(x[..., :, None] * x[..., None, :], (replicates, -1, dim * dim))
        features = xp.concat([square, x, xp.ones_like(x[..., :1])], axis=2)
        eye = xp.eye(dim, dtype=xp.float64)[None, None, None, ...]
        spread = xp.sum(weight * xp.sum(x**2, axis=2), axis=1) / statistics["count"] / dim
        spread = spread + self.floor
        covariances = spread[:, None, None, None, None] * xp.broadcast_to(eye, (*means.shape, dim))
        state = {
            "weights": xp.full_like(means[..., 0], 1.0 / k),
            "means": means,
            "covariances": covariances,
        }
        fitted = self._maximise(xp, state, near * weight[:, None, None, :], features)
        none = xp.full_like(means[:, :, 0, 0], -xp.inf)
        fixed = {"features": features, "weight": weight, "centre": centre}
        return {**fitted, **fixed, "level": none, "done": xp.zeros_like(none)}

    def step(self, xp: Any, state: Arrays) -> dict[str, Array]:
        """One step of EM; what has settled stays as it is, whatever its neighbours do."""
        logs = _log_joint(xp, state, state["features"])
        level = _logsumexp(xp, logs)
        weight = state["weight"]
        share = xp.exp(logs - level[:, :, None, :]) * weight[:, None, None, :]
        fitted = self._maximise(xp, state, share, state["features"])
        mean = xp.sum(level * weight[:, None, :], axis=2) / xp.sum(weight, axis=1)[:, None]
        done = state["done"] > 0.0
        near = xp.abs(mean - state["level"]) < self.tolerance
        kept = {}
        for name, values in fitted.items():
            mask = xp.reshape(done, done.shape + (1,) * (values.ndim - 2))
            kept[name] = xp.where(mask, state[name], values)
        kept["level"] = xp.where(done, state["level"], mean)
        kept["done"] = xp.astype(xp.logical_or(done, near), xp.float64)
        return {**state, **kept}

    def settled(self, xp: Any, state: Arrays) -> Array:
        return xp.all(state["done"] > 0.0)

    def best(self, xp: Any, state: Arrays) -> dict[str, Array]:
        """The restart with the highest likelihood, and what it says of the data as a whole."""
        replicates, restarts = state["level"].shape
        top = xp.argmax(state["level"], axis=1)
        chosen = xp.arange(restarts, dtype=top.dtype)[None, :] == top[:, None]
        found = {}
        for name in ("weights", "means", "covariances"):
            values = state[name]
            mask = xp.reshape(chosen, (replicates, restarts) + (1,) * (values.ndim - 2))
            found[name] = xp.sum(xp.where(mask, values, xp.zeros_like(values)), axis=1)
        found["means"] = found["means"] + state["centre"][:, None, :]
        variances = xp.linalg.diagonal(found["covariances"])
        squares = xp.sum(variances + found["means"] ** 2, axis=2)
        count = xp.sum(state["weight"], axis=1)[:, None]
        narrow = xp.min(variances, axis=2) < 10.0 * self.floor
        few = found["weights"] * count < 1.0
        found["second_moment"] = xp.sum(found["weights"] * squares, axis=1)
        found["degenerate"] = xp.sum(xp.astype(xp.logical_or(narrow, few), xp.float64), axis=1)
        return found

    def _maximise(self, xp: Any, state: Arrays, share: Array, features: Array) -> dict[str, Array]:
        """Parameters from shares ``[R, S, k, n]`` of every sample."""
        dim = state["means"].shape[3]
        sums = xp.matmul(share, features[:, None, :, :])
        count = sums[..., -1]
        total = xp.sum(count, axis=2)[..., None]
        alive = count > _GONE * total
        safe = xp.where(alive, count, xp.ones_like(count))[..., None]
        means = xp.where(alive[..., None], sums[..., dim * dim : -1] / safe, state["means"])
        second = xp.reshape(sums[..., : dim * dim] / safe, (*count.shape, dim, dim))
        scatter = second - means[..., :, None] * means[..., None, :]
        eye = xp.eye(dim, dtype=xp.float64)[None, None, None, ...]
        if self.covariance == "diag":
            scatter = scatter * eye
        weights = xp.where(alive, count, xp.zeros_like(count)) / total
        if self.covariance == "tied":
            part = xp.where(alive[..., None, None], scatter, xp.zeros_like(scatter))
            pooled = xp.sum(weights[..., None, None] * part, axis=2)[:, :, None, :, :]
            scatter = xp.broadcast_to(pooled, scatter.shape)
        covariances = scatter + self.floor * eye
        if self.covariance != "tied":
            covariances = xp.where(alive[..., None, None], covariances, state["covariances"])
        return {"weights": weights, "means": means, "covariances": covariances}

    def noise(self, source: Source, n: int) -> Mapping[str, Draw]:
        return {"u": Uniform((n,)), "z": Normal((n, *source.fields["x"]))}

    def sample(
        self, xp: Any, source: Source, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        ends = xp.cumulative_sum(params["weights"], axis=1)
        at = noise["u"][..., None] * ends[:, None, -1:]
        above = xp.astype(at < ends[:, None, :], xp.float64)
        member = above - xp.concat([xp.zeros_like(above[..., :1]), above[..., :-1]], axis=2)
        lower = _factor(xp, params["covariances"])
        replicates, k, dim = params["means"].shape
        roots = xp.matmul(member, xp.reshape(lower, (replicates, k, dim * dim)))
        roots = xp.reshape(roots, (replicates, -1, dim, dim))
        offset = xp.matmul(roots, noise["z"][..., None])[..., 0]
        return {"x": xp.matmul(member, params["means"]) + offset}

    def evaluate(self, xp: Any, source: Source, params: Arrays, data: Arrays) -> Array:
        x = data["x"]
        x = x[None, ...] if x.ndim == 2 else x
        centre = xp.mean(params["means"], axis=1)[:, None, :]
        x = x - centre
        square = xp.reshape(x[..., :, None] * x[..., None, :], (*x.shape[:2], x.shape[2] ** 2))
        features = xp.concat([square, x, xp.ones_like(x[..., :1])], axis=2)
        shifted = {name: params[name][:, None, ...] for name in ("weights", "covariances")}
        shifted["means"] = (params["means"] - centre)[:, None, ...]
        return xp.mean(_logsumexp(xp, _log_joint(xp, shifted, features)), axis=(1, 2))


def _factor(xp: Any, covariances: Array) -> Array:
    """Cholesky factors ``[..., d, d]``; the identity where a number is not finite.

    A factorisation that raises would stop every replicate of the block; the floor of the variances
    leaves no other reason to.
    """
    whole = xp.all(xp.isfinite(covariances), axis=(-2, -1))[..., None, None]
    eye = xp.eye(covariances.shape[-1], dtype=xp.float64)
    return xp.linalg.cholesky(xp.where(whole, covariances, xp.broadcast_to(eye, covariances.shape)))


def _sum(xp: Any, weight: Array, x: Array) -> Array:
    return xp.sum(weight[..., None] * x, axis=1)


def _log_joint(xp: Any, state: Arrays, features: Array) -> Array:
    """``log w_k + log N(x; m_k, S_k)`` of features ``[R, n, f]``: ``[R, S, k, n]``."""
    means, dim = state["means"], state["means"].shape[-1]
    lower = _factor(xp, state["covariances"])
    eye = xp.broadcast_to(xp.eye(dim, dtype=xp.float64), lower.shape)
    root = xp.linalg.solve(lower, eye)
    precision = xp.matmul(xp.matrix_transpose(root), root)
    linear = xp.matmul(precision, means[..., None])[..., 0]
    logdet = xp.sum(xp.log(xp.linalg.diagonal(lower)), axis=-1)
    tiny = float(np.finfo(np.float64).tiny)
    weights = xp.where(state["weights"] > 0.0, state["weights"], tiny * xp.ones_like(logdet))
    constant = xp.log(weights) - 0.5 * xp.sum(means * linear, axis=-1) - logdet
    constant = constant - 0.5 * dim * math.log(2.0 * math.pi)
    flat = xp.reshape(-0.5 * precision, (*means.shape[:-1], dim * dim))
    coefficients = xp.concat([flat, linear, constant[..., None]], axis=-1)
    return xp.matmul(coefficients, xp.matrix_transpose(features)[:, None, :, :])


def _logsumexp(xp: Any, logs: Array) -> Array:
    top = xp.max(logs, axis=2)
    return top + xp.log(xp.sum(xp.exp(logs - top[:, :, None, :]), axis=2))


def _nearest(xp: Any, x: Array, means: Array) -> Array:
    """1 where a mean ``[R, S, k, d]`` is the nearest one of a sample, else 0: ``[R, S, k, n]``."""
    gap = xp.sum(means**2, axis=3)[..., None] - 2.0 * xp.matmul(
        means, xp.matrix_transpose(x)[:, None, :, :]
    )
    first = xp.argmin(gap, axis=2)
    order = xp.arange(means.shape[2], dtype=first.dtype)[None, None, :, None]
    return xp.astype(order == first[:, :, None, :], xp.float64)


def _plus_plus(xp: Any, x: Array, weight: Array, seeds: Array) -> Array:
    """Means ``[R, S, k, d]``: each a sample picked by its squared distance to those before it.

    ``seeds [R, S, k]`` uniform numbers (Arthur & Vassilvitskii 2007).
    """
    restarts = seeds.shape[1]
    mass = xp.broadcast_to(weight[:, None, :], (weight.shape[0], restarts, weight.shape[1]))
    near: Array = None
    means = []
    for place in range(seeds.shape[2]):
        odds = mass if near is None else mass * near
        # Fewer different samples than components: all distances are 0, and any sample will do.
        odds = xp.where(xp.sum(odds, axis=2)[..., None] > 0.0, odds, mass)
        ends = xp.cumulative_sum(odds, axis=2)
        above = xp.astype(seeds[:, :, place, None] * ends[..., -1:] < ends, xp.float64)
        first = above - xp.concat([xp.zeros_like(above[..., :1]), above[..., :-1]], axis=2)
        mean = xp.matmul(first, x)
        means.append(mean)
        gap = xp.sum((x[:, None, :, :] - mean[:, :, None, :]) ** 2, axis=3)
        near = gap if near is None else xp.where(gap < near, gap, near)
    return xp.stack(means, axis=2)
