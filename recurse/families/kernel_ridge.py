"""Kernel ridge regression and its self-distillation: each fit is labelled by the last one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from recurse.families.closed import Programs
from recurse.families.labelling import copies, folded
from recurse.families.roles import Relabelling
from recurse.numerics.arrays import Array, Arrays
from recurse.numerics.streams import Draw, Normal
from recurse.sources import Source
from recurse.sources.function import HELDOUT, Function

_ZERO = 1e-12
_BISECTIONS, _NEWTON = 16, 4


class KernelRidge(Relabelling[Function]):
    """``f(x) = sum_i alpha_i k(x, x_i)``, of all functions the one that one of two rules picks.

    With weights ``w_i`` of the samples that add up to one (``1/n`` each), mean squared error
    ``E(f) = sum_i w_i (f(x_i) - y_i)^2`` and the norm of the kernel's space:

    ``ridge: c``: the least ``E(f) + c ||f||^2``; with equal weights ``alpha = (K + n c I)^-1 y``.
    ``loss: eps``: of all f with ``E(f) <= eps`` the one of smallest norm (Mobahi et al.). It is the
    ridge fit whose ``c`` makes ``E(f) = eps``, found to 1e-12 of itself. Where ``sum w_i y_i^2 <=
    eps`` it is ``f = 0``: collapse (metric ``alive``). Where no function of the kernel's span comes
    that near (two labels of one input), there is no fit and the replicate is recorded as failed.

    With D the eigenvalues of ``W^1/2 K W^1/2`` a fit shrinks the labels in its eigenbasis by
    ``d_j / (c + d_j)``; ``product`` multiplies these factors over the fits of a loop.

    Parameters: ``x [R, n, 1]``, ``alpha [R, n]``, ``curve [R, 200]`` at the source's held-out
    inputs, ``mean_square [R]`` (``sum w_i f(x_i)^2``), ``inverse_ridge [R]`` (``1/c``, 0 for f = 0)
    and ``product [R, n]`` (smallest eigenvalue first).
    """

    kind: Literal["kernel_ridge"] = "kernel_ridge"
    cite = "Mobahi et al. 2002.05715; Borup & Andersen 2102.13088"
    needs: ClassVar[tuple[str, ...]] = ("x", "y")
    parameters: ClassVar[tuple[str, ...]] = ("curve",)
    quantities: ClassVar[tuple[str, ...]] = ("log_prob",)
    kernel: Literal["exponential", "gaussian"] = "exponential"
    """``exp(-|x - x'| / length)`` or ``exp(-(x - x')^2 / (2 length^2))``."""
    length: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    ridge: Annotated[float, Field(gt=0, le=1e12)] | None = None
    """c: penalty on the squared norm beside the mean squared error."""
    loss: Annotated[float, Field(gt=0, le=1e12)] | None = None
    """eps, in place of ``ridge``: the mean squared training error that is allowed."""
    labels: Literal["exact", "noisy"] = "exact"
    """The labels that a model hands on: its predictions (self-distillation), or these with noise
    of the source, as real labels have."""

    @model_validator(mode="after")
    def _one_rule(self) -> KernelRidge:
        if (self.ridge is None) == (self.loss is None):
            raise ValueError("give either 'ridge' or 'loss'")
        return self

    def refusal(self, source: Source) -> str | None:
        if isinstance(source, Function):
            return None
        return f"'kernel_ridge' fits a function of [0, 1], source '{source.kind}' has none"

    def shared(self, source: Function) -> tuple[str, ...]:
        return ("x",)

    def problems(self, source: Function, row: Any, real: int) -> list[tuple[str, str, str]]:
        odd = [use for use in row.runs if use.take % real]
        if not odd:
            return []
        text = f"all {real} inputs are labelled anew, {odd[0].pool} has {odd[0].take}"
        return [("samples", "E204", text)]

    def cost(self, source: Function, size: int) -> tuple[int, float]:
        wide = 1 << (size - 1).bit_length()  # the bank doubles
        return 6 * wide * wide + 200 * wide, 25.0 * wide**3

    def fixed(self, xp: Any, design: Arrays) -> dict[str, Array]:
        return {"inputs": design["x"] + 0.0}

    def statistics(self, xp: Any, batch: Arrays, weights: Array) -> dict[str, Array]:
        return {**self.fixed(xp, batch), **self.label_sums(xp, batch, weights, batch["y"].shape[1])}

    def label_sums(self, xp: Any, batch: Arrays, weights: Array, n: int) -> dict[str, Array]:
        """Sums of weights, labels and their squares."""
        y = batch["y"]
        sums = {"weight": weights, "y": weights * y, "square": weights * y**2}
        return {name: folded(xp, values, n) for name, values in sums.items()}

    def merge(self, xp: Any, left: Arrays, right: Arrays) -> dict[str, Array]:
        return {name: left[name] + right[name] for name in left}

    def similarity(self, xp: Any, left: Array, right: Array) -> Array:
        """The kernel between inputs ``[R, m, 1]`` and ``[R, n, 1]``: ``[R, m, n]``."""
        gap = (left - xp.matrix_transpose(right)) / self.length
        return xp.exp(-xp.abs(gap) if self.kernel == "exponential" else -0.5 * gap**2)

    def estimate(self, xp: Any, statistics: Arrays) -> dict[str, Array]:
        x, weight = statistics["inputs"], statistics["weight"]
        total = xp.sum(weight, axis=1)[:, None]
        safe = xp.where(total > 0.0, total, xp.ones_like(total))
        root = xp.sqrt(weight / safe)
        y = statistics["y"] / xp.where(weight > 0.0, weight, xp.ones_like(weight))
        # Labels of one input differ: no function comes nearer to them than this.
        within = xp.sum(statistics["square"], axis=1) / safe[:, 0] - xp.sum((root * y) ** 2, axis=1)
        matrix = root[:, :, None] * self.similarity(xp, x, x) * root[:, None, :]
        # What is not finite would stop every replicate of the block; nothing left has no fit.
        lost = ~xp.logical_and(total > 0.0, xp.isfinite(xp.sum(root * y, axis=1)[:, None]))
        d, vectors = xp.linalg.eigh(xp.where(lost[..., None], xp.zeros_like(matrix), matrix))
        d = xp.where(d > 0.0, d, xp.zeros_like(d))
        inside = xp.matmul(xp.matrix_transpose(vectors), (root * y)[..., None])[..., 0]
        inverse = self._inverse(xp, d, inside, xp.clip(within, min=0.0))[:, None]
        inverse = xp.where(lost, xp.full_like(inverse, float("nan")), inverse)
        factor = inverse * d / (1.0 + inverse * d)
        coordinates = inverse / (1.0 + inverse * d) * inside
        alpha = root * xp.matmul(vectors, coordinates[..., None])[..., 0]
        return {
            "x": x,
            "alpha": alpha,
            "curve": self._predict(xp, self._heldout(xp, x), x, alpha),
            "mean_square": xp.sum((factor * inside) ** 2, axis=1),
            "inverse_ridge": inverse[:, 0],
            "product": factor,
        }

    def solve(self, call: Programs, statistics: Arrays, previous: Arrays) -> Arrays:
        fitted: Arrays = call("estimate", statistics)
        return call("multiplied", fitted, previous) if previous else fitted

    def multiplied(self, xp: Any, params: Arrays, previous: Arrays) -> dict[str, Array]:
        """Factors times those before, the largest eigenvalues of both side by side."""
        now, before = params["product"], previous["product"]
        missing = now.shape[1] - before.shape[1]
        if missing > 0:  # more samples of the same inputs: their eigenvalues are 0
            before = xp.concat([xp.zeros_like(now[:, :missing]), before], axis=1)
        return {**params, "product": now * before[:, before.shape[1] - now.shape[1] :]}

    def noise(self, source: Function, n: int) -> Mapping[str, Draw]:
        return {"e": Normal((n,))}

    def sample(
        self, xp: Any, source: Function, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        x, e = design["x"], noise["e"]
        spread = source.noise
        if "alpha" in params:
            y = self._predict(xp, x, params["x"], params["alpha"])
            spread = spread if self.labels == "noisy" else 0.0
        else:
            y = source.at(xp, x[..., 0])
        n = e.shape[1]
        return {"x": copies(xp, x, n), "y": copies(xp, y, n) + spread * e}

    def evaluate(self, xp: Any, source: Function, params: Arrays, data: Arrays) -> Array:
        error = data["y"] - self._predict(xp, data["x"], params["x"], params["alpha"])
        variance = source.noise**2
        return -0.5 * (xp.mean(error**2, axis=1) / variance + math.log(2.0 * math.pi * variance))

    def _predict(self, xp: Any, at: Array, x: Array, alpha: Array) -> Array:
        return xp.matmul(self.similarity(xp, at, x), alpha[..., None])[..., 0]

    def _heldout(self, xp: Any, like: Array) -> Array:
        points = xp.asarray(list(HELDOUT), dtype=xp.float64)[None, :, None]
        return xp.broadcast_to(points, (like.shape[0], *points.shape[1:]))

    def _inverse(self, xp: Any, d: Array, inside: Array, within: Array) -> Array:
        """``1/c`` of every replicate, ``[R]``."""
        if self.ridge is not None:
            return xp.full_like(d[:, 0], 1.0 / self.ridge)
        assert self.loss is not None
        return inverse_for(xp, d, inside**2, self.loss - within)


def inverse_for(xp: Any, d: Array, square: Array, loss: Array) -> Array:
    """``u = 1/c >= 0`` with ``sum_j square_j / (1 + u d_j)^2 = loss``, each ``[R]``.

    0 where ``sum square <= loss``; NaN where what lies outside the span (eigenvalues below 1e-12 of
    the largest) is more than ``loss``. The bounds of Mobahi et al. on ``c`` are bisected on a
    logarithmic scale, from a ratio of up to 1e12 to 1 + 4e-4; then Newton's method on ``(sum
    ...)^(-1/2)``, which is concave in u, so that from below no step overshoots (Reinsch 1971).
    Relative error 1e-12, ``d`` in ascending order.
    """
    ones = xp.ones_like(d[:, 0])
    spanned = d > _ZERO * d[:, -1:]
    inside = xp.sum(xp.where(spanned, square, xp.zeros_like(d)), axis=1)
    total = xp.sum(square, axis=1)
    left = loss - (total - inside)
    dead = total <= loss
    solvable = xp.logical_and(~dead, left > 0.0)
    # Replicates without a root solve 1/(1 + u)^2 = 1/4 instead.
    level = xp.where(solvable, loss, 0.25 * ones)
    least = xp.min(xp.where(spanned, d, xp.full_like(d, xp.inf)), axis=1)
    least, most = xp.where(solvable, least, ones), xp.where(solvable, d[:, -1], ones)
    d = xp.where(solvable[:, None], d, xp.ones_like(d))
    square = xp.where(solvable[:, None], square, xp.full_like(d, 1.0 / d.shape[1]))
    left = xp.where(solvable, left, 0.25 * ones)
    low = (xp.sqrt(xp.where(solvable, total, ones) / level) - 1.0) / most
    high = (xp.sqrt(xp.where(solvable, inside, ones) / left) - 1.0) / least
    for _ in range(_BISECTIONS):
        middle = xp.sqrt(low) * xp.sqrt(high)
        short = xp.sum(square / (1.0 + middle[:, None] * d) ** 2, axis=1) > level
        low, high = xp.where(short, middle, low), xp.where(short, high, middle)
    for _ in range(_NEWTON):
        scale = 1.0 / (1.0 + low[:, None] * d)
        error = xp.sum(square * scale**2, axis=1)
        slope = 2.0 * xp.sum(square * d * scale**3, axis=1)
        low = low + 2.0 * error * (xp.sqrt(error / level) - 1.0) / slope
    missed = xp.full_like(low, float("nan"))
    return xp.where(dead, 0.0 * ones, xp.where(solvable, low, missed))
