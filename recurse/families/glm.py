"""Maximum likelihood of generalised linear models by damped Newton steps, all replicates at once.

Inputs are kept as ``z [R, p, n]``, a row per coefficient: every product of a step then runs along
the samples.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

from pydantic import Field

from recurse.backend import Array, Arrays
from recurse.families.labelling import Labelling, folded
from recurse.schedule import Row
from recurse.sources import Source
from recurse.sources.glm import GlmSource

_FIRST = 3  # steps of every fit, in one program
_STEPS = 300
_NEAR = 1e-5  # a step this short, relative to 1 + |coef|, leaves an error of order 1e-10
_LARGEST = 600.0  # of a linear predictor: its exponential is still a number
_CACHE = 1 << 17  # numbers of z that are fitted together


class Glm(Labelling[GlmSource]):
    """Canonical link: parameters ``coef [R, p]``, the intercept first, and ``degenerate [R]``.

    Newton's steps s are damped by ``log(1 + d) / d`` where ``d = |s| max |z|`` is above 1.5. Both
    families have ``|v'| <= v`` for the variance as a function of the linear predictor, so that
    every step raises the likelihood and the fit finds the maximum if there is one (Sun &
    Tran-Dinh, Math. Program. 178, 2019). Where there is none (separated classes, counts that are
    zero on one side) the coefficients grow without end: a fit stops at length ``limit``, and
    ``degenerate`` is 1. The model that is kept has that length.
    """

    cite = "Dey & Donoho 2410.22812; He, Xu, Cheng 2502.18049"
    parameters: ClassVar[tuple[str, ...]] = ("coef", "degenerate")
    pointwise: ClassVar[bool] = True
    intercept: bool | None = None
    """Whether there is a constant term; as in the source by default."""
    ridge: Annotated[float, Field(ge=0)] = 0.0
    """Penalty on ``|coef|^2``, the intercept free, beside the mean negative log-likelihood."""
    limit: Annotated[float, Field(gt=0, le=1e6)] = 100.0
    """The longest coefficients: a maximum further out counts as none. Linear predictors above 600
    are out of reach in any case."""

    def slopes(self, xp: Any, linear: Array, y: Array, weight: Array) -> tuple[Array, Array]:
        """First derivative of the log-likelihood by the predictor ``[R, n]``, and minus the second;
        ``y`` sums the labels of samples that share inputs, ``weight`` their weights."""
        raise TypeError(f"{type(self).__name__} has no likelihood")

    def start(self, xp: Any, mean: Array, moment: Array) -> tuple[Array, Array]:
        """Intercept ``[R, 1]`` and slopes ``[R, d]`` for normal inputs from ``E y`` and
        ``E x (y - E y)``."""
        raise TypeError(f"{type(self).__name__} has no likelihood")

    def log_density(self, xp: Any, linear: Array, y: Array) -> Array:
        """Of labels ``[R, n]``, in nats."""
        raise TypeError(f"{type(self).__name__} has no likelihood")

    def refusal(self, source: Source) -> str | None:
        if not isinstance(source, GlmSource) or source.law != self.kind:
            return f"'{self.kind}' is fitted to its own law, and source '{source.kind}' is another"
        if self.intercept in (None, source.intercept):
            return None
        return f"only one of '{self.kind}' and its source has an intercept"

    def problems(self, source: GlmSource, row: Row, real: int) -> list[tuple[str, str, str]]:
        found = super().problems(source, row, real)
        if self.ridge == 0 and row.size <= source.terms:
            text = (
                f"{source.terms} coefficients need more samples; generation {row.generation} is "
                f"fitted on {row.size}"
            )
            found.append(("samples", "E204", text))
        return found

    def cost(self, source: GlmSource, size: int) -> tuple[int, float]:
        """Inputs by coefficient, and some four steps."""
        return source.terms * size, 8.0 * size * source.terms * (source.terms + 10)

    def relabels(self, source: GlmSource) -> bool:
        return source.design == "reused"

    def bound(self, source: GlmSource) -> Glm:
        return self.model_copy(update={"intercept": source.intercept})

    def fixed(self, xp: Any, design: Arrays) -> dict[str, Array]:
        """Inputs ``z [R, p, n]`` with a row of ones for the intercept, the length of the longest
        (``reach [R]``) and that of the longest coefficients (``longest [R]``)."""
        z = xp.matrix_transpose(design["x"])
        square = xp.sum(z**2, axis=1)
        if self.intercept:
            z = xp.concat([xp.ones_like(z[:, :1, :]), z], axis=1)
            square = square + 1.0
        reach = xp.sqrt(xp.max(square, axis=1))
        furthest = _LARGEST / reach
        longest = xp.where(furthest < self.limit, furthest, self.limit)
        return {"z": z + 0.0, "reach": reach, "longest": longest}

    def together(self, statistics: Arrays) -> int | None:
        _, terms, n = statistics["z"].shape
        return max(1, _CACHE // int(terms * n))

    def statistics(self, xp: Any, batch: Arrays, weights: Array) -> dict[str, Array]:
        """Sums over labels of the same inputs where the design ``z`` is known, else the samples."""
        y = weights * batch["y"]
        if "z" not in batch:
            return {**self.fixed(xp, batch), "y": y, "weight": weights}
        n = batch["z"].shape[2]
        return {"y": folded(xp, y, n), "weight": folded(xp, weights, n)}

    def merge(self, xp: Any, left: Arrays, right: Arrays) -> dict[str, Array]:
        return {name: left[name] + right[name] for name in left}

    def solve(self, call: Callable[..., Any], statistics: Arrays) -> Arrays:
        state = call("begin", statistics)
        for _ in range(_FIRST, _STEPS):
            if bool(call("settled", state)):
                break
            state = call("step", statistics, state)
        found: Arrays = call("finish", statistics, state)
        return found

    def begin(self, xp: Any, data: Arrays) -> dict[str, Array]:
        """The first coefficients, from moments that normal inputs have, and some steps."""
        count = xp.sum(data["weight"], axis=1)[:, None]
        count = xp.where(count > 0.0, count, xp.nan)  # nothing left (all was filtered out): no fit
        mean = (xp.sum(data["y"], axis=1)[:, None] + 0.5) / (count + 1.0)
        slopes = data["z"][:, 1:, :] if self.intercept else data["z"]
        moment = _along(xp, slopes, data["y"] - data["weight"] * mean) / count
        constant, coef = self.start(xp, mean, moment)
        if self.intercept:
            coef = xp.concat([constant, coef], axis=1)
        state = {"coef": coef, "done": xp.zeros_like(count[:, 0])}
        for _ in range(_FIRST):
            state = self.step(xp, data, state)
        return state

    def step(self, xp: Any, data: Arrays, state: Arrays) -> dict[str, Array]:
        """One step; what has settled stays as it is, whatever its neighbours do."""
        coef, z, reach = state["coef"], data["z"], data["reach"][:, None]
        linear = xp.matmul(coef[:, None, :], z)[:, 0, :]
        first, second = self.slopes(xp, linear, data["y"], data["weight"])
        gradient = _along(xp, z, first)
        hessian = xp.matmul(z * second[:, None, :], xp.matrix_transpose(z))
        eye = xp.eye(coef.shape[1], dtype=xp.float64)[None, ...]
        if self.ridge:
            free = xp.astype(xp.arange(coef.shape[1]) >= int(bool(self.intercept)), xp.float64)
            pull = 2.0 * self.ridge * xp.sum(data["weight"], axis=1)[:, None] * free[None, :]
            gradient = gradient - pull * coef
            hessian = hessian + pull[:, None, :] * eye
        # Far out on separated data it can be singular, which would stop the block.
        hessian = hessian * (1.0 + 1e-12 * eye)
        move = xp.linalg.solve(hessian, gradient[..., None])[..., 0]
        size, done = _length(xp, move), state["done"]
        far = size * reach
        damped = xp.where(far > 1.5, xp.log1p(far) / (far + 1e-300), 1.0) * (1.0 - done)[:, None]
        moved = coef + damped * move
        length = _length(xp, moved)
        stop = (size <= _NEAR * (1.0 + length)) | ~(length <= data["longest"][:, None])
        return {"coef": moved, "done": xp.where(stop[:, 0], 1.0, done)}

    def settled(self, xp: Any, state: Arrays) -> Array:
        return xp.all(state["done"] > 0.0)

    def finish(self, xp: Any, data: Arrays, state: Arrays) -> dict[str, Array]:
        """Coefficients of no more than the length allowed, and whether they had to be stopped."""
        coef, length = state["coef"], _length(xp, state["coef"])
        longest = data["longest"][:, None]
        over = length > longest
        cut = xp.where(over, longest / xp.where(over, length, 1.0), 1.0)
        lost = over[:, 0] | (state["done"] == 0.0)
        return {"coef": cut * coef, "degenerate": xp.astype(lost, xp.float64)}

    def linear(self, xp: Any, coef: Array, data: Arrays) -> Array:
        """Linear predictors ``[R, n]`` of inputs ``z`` or ``x``."""
        z = data["z"] if "z" in data else self.fixed(xp, data)["z"]
        return xp.matmul(coef[:, None, :], z)[:, 0, :]

    def evaluate(self, xp: Any, source: GlmSource, params: Arrays, data: Arrays) -> Array:
        linear = self.linear(xp, params["coef"], data)
        return xp.mean(self.log_density(xp, linear, data["y"]), axis=1)


def _along(xp: Any, z: Array, values: Array) -> Array:
    """``sum_i z_i values_i``: ``[R, p]``."""
    return xp.matmul(z, values[..., None])[..., 0]


def _length(xp: Any, coef: Array) -> Array:
    return xp.sqrt(xp.sum(coef**2, axis=1, keepdims=True))
