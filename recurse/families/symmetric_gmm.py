"""Two Gaussians with opposite means and one deviation, in equal shares: two numbers to fit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from recurse.families.closed import Programs
from recurse.families.roles import Pointwise
from recurse.numerics.arrays import Array, Arrays
from recurse.numerics.streams import Draw, Normal, Uniform
from recurse.schedule import Row
from recurse.sources import Source

_GRID = 64  # centres looked at for a change of sign
_HALVINGS = 52  # what a float64 has of them
_TINY = 1e-300
_FAR = 350.0  # exp of twice that is still finite
_EXPONENTIAL = 20.0  # arithmetic operations that one takes the time of


class SymmetricGmm(Pointwise[Source]):
    """``N(c, s^2)/2 + N(-c, s^2)/2``: ``center [R]``, ``deviation [R]``.

    With ``a = mean |x|`` and ``q = mean x^2`` of n samples:

    ``joint``: maximum likelihood, ``c = mean x tanh(c x / s^2)`` with ``s^2 = q - c^2``; of several
    solutions the largest (that which EM finds from ``c = a``), 0 where there is no other.

    ``approximate``: Algorithm 1 of the paper with its constant eta = 2. For ``q > (1 + kappa) a^2``
    it is ``s^2 = (1 + kappa)(q - a^2)``, at most ``q``; for narrower ones
    ``s^2 = 50 q (q - a^2) / (50 a^2 + 2 q)``; ``c^2 = q - s^2``. The constant is
    ``log(1 + kappa) = (n + 15) / (4 (n - 1)(n + 7))``.
    """

    kind: Literal["symmetric_gmm"] = "symmetric_gmm"
    cite = "Suresh, Thangaraj & Khandavally 2412.17646, Theorem 4 and Algorithm 1"
    needs: ClassVar[tuple[str, ...]] = ("x",)
    parameters: ClassVar[tuple[str, ...]] = ("center", "deviation", "second_moment")
    quantities: ClassVar[tuple[str, ...]] = ("log_prob",)
    estimator: Literal["joint", "approximate"] = "joint"
    """The estimator of the two numbers."""

    def refusal(self, source: Source) -> str | None:
        if source.fields.get("x") != (1,):
            return f"'{self.kind}' is about single numbers, which '{source.kind}' does not have"
        return None

    def problems(self, source: Source, row: Row, real: int) -> list[tuple[str, str, str]]:
        if row.size > 1:
            return []
        return [("samples", "E204", "a center and a deviation need 2 samples or more")]

    def cost(self, source: Source, size: int) -> tuple[int, float]:
        """Samples by grid points, four times over in the arithmetic of ``bracket``."""
        if self.estimator == "approximate":
            return 4 * size, 10.0 * size
        return 4 * _GRID * size, _EXPONENTIAL * size * (_GRID + _HALVINGS)

    def statistics(self, xp: Any, batch: Arrays, weights: Array) -> dict[str, Array]:
        """The distances from 0: signs say nothing of the parameters."""
        count = xp.sum(weights, axis=1)
        return {"size": xp.abs(batch["x"][..., 0]), "weight": weights, "count": count}

    def solve(self, call: Programs, statistics: Arrays, previous: Arrays) -> Arrays:
        if self.estimator == "approximate":
            found: Arrays = call("estimate", statistics)
            return found
        state = call.repeat("halve", "narrow", call("bracket", statistics))
        best: Arrays = call("joint", state)
        return best

    def estimate(self, xp: Any, statistics: Arrays) -> dict[str, Array]:
        """Algorithm 1."""
        n = statistics["count"]
        kappa = xp.expm1((n + 15.0) / (4.0 * (n - 1.0) * (n + 7.0)))
        mean, spread = _moments(xp, statistics)
        square = mean**2 + spread
        wide = xp.minimum((1.0 + kappa) * spread, square)
        narrow = 50.0 * square * spread / xp.clip(50.0 * mean**2 + 2.0 * square, min=_TINY)
        variance = xp.where(square > (1.0 + kappa) * mean**2, wide, narrow)
        center = xp.sqrt(xp.clip(square - variance, min=0.0))
        return _fitted(xp, center, variance)

    def bracket(self, xp: Any, statistics: Arrays) -> dict[str, Array]:
        """The interval of an even grid from 0 to ``a`` that holds the largest solution, ``[R]``."""
        mean, spread = _moments(xp, statistics)
        state = {**statistics, "mean": mean, "spread": spread}
        part = xp.arange(_GRID, dtype=xp.float64)[None, :] / _GRID
        gap = mean[:, None] * (1.0 - part)
        rising = self._short(xp, state, gap) < gap
        # At 0 itself both are equal: above it, the sign is that of 3 q^2 - mean x^4.
        weight = statistics["weight"] / statistics["count"][:, None]
        fourth = xp.sum(weight * statistics["size"] ** 4, axis=1)
        small = fourth < 3.0 * (mean**2 + spread) ** 2
        rising = xp.concat([small[:, None], rising[:, 1:]], axis=1)
        low = xp.max(xp.where(rising, part, -1.0), axis=1)
        none = low < 0.0
        low = xp.where(none, 0.0, low)
        high = xp.where(none, 0.0, low + 1.0 / _GRID)
        steps = xp.zeros_like(mean[:1])
        return {**state, "low": low * mean, "high": high * mean, "steps": steps}

    def halve(self, xp: Any, state: Arrays) -> dict[str, Array]:
        """One bisection of ``mean x tanh(c x / s^2) - c``, which is above 0 at ``low``."""
        middle = 0.5 * (state["low"] + state["high"])
        gap = (state["mean"] - middle)[:, None]
        rising = self._short(xp, state, gap)[:, 0] < gap[:, 0]
        return {
            **state,
            "low": xp.where(rising, middle, state["low"]),
            "high": xp.where(rising, state["high"], middle),
            "steps": state["steps"] + 1.0,
        }

    def narrow(self, xp: Any, state: Arrays) -> Array:
        return state["steps"][0] >= _HALVINGS

    def joint(self, xp: Any, state: Arrays) -> dict[str, Array]:
        """The parameters, of the distance from ``a`` to ``c``: without it digits would be lost."""
        gap = self._short(xp, state, (state["mean"] - state["low"])[:, None])[:, 0]
        gap = xp.where(state["high"] > 0.0, gap, state["mean"])
        return _fitted(xp, state["mean"] - gap, _variance(state, gap))

    def _short(self, xp: Any, state: Arrays, gap: Array) -> Array:
        """``a - mean x tanh(c x / s^2)`` at ``c = a - gap``, for gaps ``[R, m]``."""
        mean, spread = state["mean"][:, None], state["spread"][:, None]
        variance = _variance({"mean": mean, "spread": spread}, gap)
        slope = (mean - gap) / xp.clip(variance, min=_TINY)
        size = state["size"][:, None, :]
        lost = 2.0 / (1.0 + xp.exp(2.0 * xp.clip(slope[..., None] * size, max=_FAR)))
        weight = (state["weight"] / state["count"][:, None])[:, None, :]
        return xp.sum(weight * size * lost, axis=2)

    def noise(self, source: Source, n: int) -> Mapping[str, Draw]:
        return {"u": Uniform((n,)), "z": Normal((n,))}

    def sample(
        self, xp: Any, source: Source, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        sign = xp.where(noise["u"] < 0.5, -1.0, xp.ones_like(noise["u"]))
        x = sign * params["center"][:, None] + params["deviation"][:, None] * noise["z"]
        return {"x": x[..., None]}

    def evaluate(self, xp: Any, source: Source, params: Arrays, data: Arrays) -> Array:
        """Mean log-density in nats per sample."""
        size = xp.abs(data["x"][..., 0])
        size = size[None, :] if size.ndim == 1 else size
        center, deviation = params["center"][:, None], params["deviation"][:, None]
        far = (size - center) / deviation
        both = xp.log1p(xp.exp(-2.0 * center * size / deviation**2))
        log = (
            both - 0.5 * far**2 - xp.log(deviation) - 0.5 * math.log(2.0 * math.pi) - math.log(2.0)
        )
        return xp.mean(log, axis=1)


def _moments(xp: Any, statistics: Arrays) -> tuple[Array, Array]:
    """``mean |x|`` and ``mean x^2 - (mean |x|)^2``, ``[R]``, without a difference of squares."""
    weight = statistics["weight"] / statistics["count"][:, None]
    mean = xp.sum(weight * statistics["size"], axis=1)
    return mean, xp.sum(weight * (statistics["size"] - mean[:, None]) ** 2, axis=1)


def _variance(state: Arrays, gap: Array) -> Array:
    """``q - c^2`` at ``c = a - gap``."""
    return state["spread"] + gap * (2.0 * state["mean"] - gap)


def _fitted(xp: Any, center: Array, variance: Array) -> dict[str, Array]:
    deviation = xp.sqrt(variance)
    return {"center": center, "deviation": deviation, "second_moment": center**2 + variance}
