"""Maximum likelihood of generalised linear models by damped Newton steps, all replicates at once.

Most fits start near their maximum and need no damping. Steps in single precision come close to it;
chord steps, with a gradient in double precision and the last of those Hessians, remove the rest.
Replicates that do not come close start again, with damped steps in double precision.

Inputs are kept as ``z [R, p, n]``, a row per coefficient: every product of a step then runs along
the samples.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from recurse.families.closed import Programs
from recurse.families.labelling import Labelling, folded
from recurse.families.roles import Relabelling
from recurse.numerics.arrays import Array, Arrays
from recurse.schedule import Row
from recurse.sources import Source
from recurse.sources.glm import GlmSource

_FIRST = 3  # steps in single precision
_SINGLE = 60.0  # of a linear predictor: sums of its exponential are numbers in single precision
_ROUNDED = 1e-6  # of a Hessian in single precision
_POLISHED = 3  # steps at most with that Hessian
_CLOSE = 0.01  # the last of them, relative to 1 + |coef|, where it leads to a maximum
# An error, relative to 1 + |coef|: rounding in single precision depends on the width of the block,
# and nothing of it is to be left.
_LEFT = 1e-15
_NEAR = 3e-7  # a Newton step this short, relative to 1 + |coef|, leaves an error of order 1e-13
_STEPS = 300
_LARGEST = 600.0  # of a linear predictor: its exponential is still a number
_CACHE = 1 << 19  # numbers of z that are fitted together


class Glm(Labelling[GlmSource], Relabelling[GlmSource]):
    """Canonical link: parameters ``coef [R, p]``, the intercept first, and ``degenerate [R]``.

    A fit that full steps from the first guess do not bring to a maximum takes damped ones: a step s
    is multiplied by ``log(1 + d) / d`` where ``d = |s| max |z|`` is above 1.5. Both families have
    ``|v'| <= v`` for the variance as a function of the linear predictor, so that every such step
    raises the likelihood and the fit finds the maximum if there is one (Sun & Tran-Dinh, Math.
    Program. 178, 2019). Where there is none (separated classes, counts that are zero on one side)
    the coefficients grow without end: a fit stops at length ``limit``, and ``degenerate`` is 1. The
    model that is kept has that length.
    """

    cite = "Dey & Donoho 2410.22812; He, Xu, Cheng 2502.18049"
    parameters: ClassVar[tuple[str, ...]] = ("coef", "degenerate")
    intercept: bool | None = None
    """True if there is a constant term; as in the source by default."""
    ridge: Annotated[float, Field(ge=0)] = 0.0
    """Penalty on ``|coef|^2``, the intercept free, beside the mean negative log-likelihood."""
    limit: Annotated[float, Field(gt=0, le=1e6)] = 100.0
    """The longest coefficients: a maximum further out counts as none. Linear predictors above 600
    are out of reach in any case."""

    def response(self, xp: Any, linear: Array) -> tuple[Array, ...]:
        """The terms that both derivatives by a linear predictor ``[R, n]`` need."""
        raise TypeError(f"{type(self).__name__} has no likelihood")

    def slope(self, xp: Any, response: tuple[Array, ...], y: Array, weight: Array) -> Array:
        """Derivative of the log-likelihood by the linear predictor ``[R, n]``; ``y`` sums the
        labels of samples that share inputs, ``weight`` their weights."""
        raise TypeError(f"{type(self).__name__} has no likelihood")

    def curvature(self, xp: Any, response: tuple[Array, ...], weight: Array) -> Array:
        """Minus the second derivative, ``[R, n]``."""
        raise TypeError(f"{type(self).__name__} has no likelihood")

    def start(self, xp: Any, mean: Array, moment: Array) -> tuple[Array, Array]:
        """Intercept ``[R, 1]`` and slopes ``[R, d]`` for normal inputs from ``E y`` and
        ``E x (y - E y)``."""
        raise TypeError(f"{type(self).__name__} has no likelihood")

    def log_density(self, xp: Any, linear: Array, y: Array) -> Array:
        """The log-density of labels ``[R, n]``, in nats."""
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
        """Inputs by coefficient in both precisions, twice where the parts of a block are copies;
        some four steps."""
        return 3 * source.terms * size, 8.0 * size * source.terms * (source.terms + 10)

    def relabels(self, source: GlmSource) -> bool:
        return source.design == "reused"

    def completed(self, source: GlmSource) -> Glm:
        return self.model_copy(update={"intercept": source.intercept})

    def fixed(self, xp: Any, design: Arrays) -> dict[str, Array]:
        """Inputs ``z [R, p, n]`` with a row of ones for the intercept, in ``single`` precision too,
        the length of the longest (``reach [R]``) and that of the longest coefficients
        (``longest [R]``)."""
        z = self.inputs(xp, design["x"])
        reach = xp.sqrt(xp.max(xp.vecdot(z, z, axis=-2), axis=1))
        furthest = _LARGEST / reach
        longest = xp.where(furthest < self.limit, furthest, self.limit)
        return {"z": z, "single": xp.astype(z, xp.float32), "reach": reach, "longest": longest}

    def inputs(self, xp: Any, x: Array) -> Array:
        """``z [R, p, n]`` of ``x [R, n, d]``."""
        z = xp.matrix_transpose(x)
        # Flat and back: as it is, the numbers of a row are far apart in memory.
        z = xp.reshape(xp.reshape(z, (-1,)), z.shape)
        return xp.concat([xp.ones_like(z[:, :1, :]), z], axis=1) if self.intercept else z

    def replicates_per_call(self, source: GlmSource, size: int) -> int | None:
        return max(1, _CACHE // (source.terms * size))

    def statistics(self, xp: Any, batch: Arrays, weights: Array) -> dict[str, Array]:
        return {**self.fixed(xp, batch), **self.label_sums(xp, batch, weights, batch["y"].shape[1])}

    def label_sums(self, xp: Any, batch: Arrays, weights: Array, n: int) -> dict[str, Array]:
        y = weights * batch["y"]
        return {"y": folded(xp, y, n), "weight": folded(xp, weights, n)}

    def merge(self, xp: Any, left: Arrays, right: Arrays) -> dict[str, Array]:
        return {name: left[name] + right[name] for name in left}

    def solve(self, call: Programs, statistics: Arrays, previous: Arrays) -> Arrays:
        state = call("begin", statistics)
        for method in ("polish",) * _POLISHED + ("restart",) + ("step",) * _STEPS:
            state = call(method, statistics, state)
            if method != "restart" and bool(call("settled", state)):
                break
        found: Arrays = call("finish", statistics, state)
        return found

    def begin(self, xp: Any, data: Arrays) -> dict[str, Array]:
        """Full Newton steps from a first guess in single precision; the last Hessian and the length
        of the step that was made with it are kept."""
        guess = self.guess(xp, data)
        z = data["single"]
        y, weight = (xp.astype(data[name], xp.float32) for name in ("y", "weight"))
        furthest = _SINGLE / data["reach"][:, None]
        coef = _within(xp, guess, furthest)
        for _ in range(_FIRST):
            response = self.response(xp, _linear(xp, xp.astype(coef, xp.float32), z))
            gradient = _along(xp, z, self.slope(xp, response, y, weight))
            hessian = _hessian(xp, z, self.curvature(xp, response, weight))
            hessian = xp.astype(hessian, xp.float64)
            move = self.move(xp, data, coef, xp.astype(gradient, xp.float64), hessian)
            coef = _within(xp, coef + move, furthest)
        none = xp.zeros_like(data["reach"])
        last = {"hessian": hessian, "size": _length(xp, move)}
        return {"coef": coef, "guess": guess, **last, "close": none, "done": none}

    def polish(self, xp: Any, data: Arrays, state: Arrays) -> dict[str, Array]:
        """A chord step, with the Hessian of the start.

        What it leaves is its length times the Hessian's error: how far the coefficients have moved
        since, and rounding.
        """
        response = self.response(xp, _linear(xp, state["coef"], data["z"]))
        gradient = _along(xp, data["z"], self.slope(xp, response, data["y"], data["weight"]))
        move = self.move(xp, data, state["coef"], gradient, state["hessian"])
        coef = state["coef"] + (1.0 - state["done"])[:, None] * move
        coef = _within(xp, coef, _SINGLE / data["reach"][:, None])
        unit = 1.0 + _length(xp, coef)
        size = _length(xp, move) / unit
        left = size * (state["size"] / unit + _ROUNDED)
        close = xp.astype(size <= _CLOSE, xp.float64)[:, 0]
        done = xp.where(left[:, 0] <= _LEFT, 1.0, state["done"])
        return {**state, "coef": coef, "close": close, "done": done}

    def restart(self, xp: Any, data: Arrays, state: Arrays) -> dict[str, Array]:
        """Back to the first guess where the steps did not come close to a maximum."""
        close = state["close"][:, None] > 0.0
        return {"coef": xp.where(close, state["coef"], state["guess"]), "done": state["done"]}

    def guess(self, xp: Any, data: Arrays) -> Array:
        """Coefficients from moments that normal inputs have."""
        count = xp.sum(data["weight"], axis=1)[:, None]
        count = xp.where(count > 0.0, count, xp.nan)  # nothing left (all was filtered out): no fit
        mean = (xp.sum(data["y"], axis=1)[:, None] + 0.5) / (count + 1.0)
        slopes = data["z"][:, 1:, :] if self.intercept else data["z"]
        moment = _along(xp, slopes, data["y"] - data["weight"] * mean) / count
        constant, coef = self.start(xp, mean, moment)
        return xp.concat([constant, coef], axis=1) if self.intercept else coef

    def move(self, xp: Any, data: Arrays, coef: Array, gradient: Array, hessian: Array) -> Array:
        """Newton's step from derivatives of the log-likelihood, the penalty yet to be added."""
        eye = xp.eye(coef.shape[1], dtype=xp.float64)[None, ...]
        if self.ridge:
            free = xp.astype(xp.arange(coef.shape[1]) >= int(bool(self.intercept)), xp.float64)
            pull = 2.0 * self.ridge * xp.sum(data["weight"], axis=1)[:, None] * free[None, :]
            gradient = gradient - pull * coef
            hessian = hessian + pull[:, None, :] * eye
        # Far out on separated data it can be singular, which would stop the block.
        hessian = hessian * (1.0 + 1e-12 * eye)
        step: Array = xp.linalg.solve(hessian, gradient[..., None])[..., 0]
        return step

    def step(self, xp: Any, data: Arrays, state: Arrays) -> dict[str, Array]:
        """One damped step; what has settled stays as it is, whatever its neighbours do."""
        coef, done, z = state["coef"], state["done"], data["z"]
        response = self.response(xp, _linear(xp, coef, z))
        gradient = _along(xp, z, self.slope(xp, response, data["y"], data["weight"]))
        hessian = _hessian(xp, z, self.curvature(xp, response, data["weight"]))
        move = self.move(xp, data, coef, gradient, hessian)
        size = _length(xp, move)
        far = size * data["reach"][:, None]
        damped = xp.where(far > 1.5, xp.log1p(far) / (far + 1e-300), 1.0) * (1.0 - done)[:, None]
        moved = coef + damped * move
        length = _length(xp, moved)
        stop = (size <= _NEAR * (1.0 + length)) | ~(length <= data["longest"][:, None])
        return {"coef": moved, "done": xp.where(stop[:, 0], 1.0, done)}

    def settled(self, xp: Any, state: Arrays) -> Array:
        return xp.all(state["done"] > 0.0)

    def finish(self, xp: Any, data: Arrays, state: Arrays) -> dict[str, Array]:
        """Coefficients of no more than the length allowed, and whether they had to be stopped."""
        coef, longest = state["coef"], data["longest"][:, None]
        lost = (_length(xp, coef) > longest)[:, 0] | (state["done"] == 0.0)
        return {"coef": _within(xp, coef, longest), "degenerate": xp.astype(lost, xp.float64)}

    def linear(self, xp: Any, coef: Array, data: Arrays) -> Array:
        """Linear predictors ``[R, n]`` of inputs ``x [R, n, d]``."""
        slopes = coef[:, 1:] if self.intercept else coef
        found = xp.matmul(data["x"], slopes[..., None])[..., 0]
        return found + coef[:, :1] if self.intercept else found

    def evaluate(self, xp: Any, source: GlmSource, params: Arrays, data: Arrays) -> Array:
        linear = self.linear(xp, params["coef"], data)
        return xp.mean(self.log_density(xp, linear, data["y"]), axis=1)


def _linear(xp: Any, coef: Array, z: Array) -> Array:
    """Linear predictors ``[R, n]``."""
    return xp.matmul(coef[:, None, :], z)[:, 0, :]


def _along(xp: Any, z: Array, values: Array) -> Array:
    """``sum_i z_i values_i``: ``[R, p]``."""
    return xp.matmul(values[:, None, :], xp.matrix_transpose(z))[:, 0, :]


def _hessian(xp: Any, z: Array, second: Array) -> Array:
    """``sum_i second_i z_i z_i'``: ``[R, p, p]``."""
    return xp.matmul(z * second[:, None, :], xp.matrix_transpose(z))


def _within(xp: Any, coef: Array, longest: Array) -> Array:
    """Coefficients of no more than a length ``[R, 1]``."""
    length = _length(xp, coef)
    over = length > longest
    return xp.where(over, longest / xp.where(over, length, 1.0), 1.0) * coef


def _length(xp: Any, coef: Array) -> Array:
    return xp.sqrt(xp.sum(coef**2, axis=1, keepdims=True))
