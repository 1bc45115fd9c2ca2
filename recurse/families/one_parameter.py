"""Families with one parameter: the mean of a statistic fits ``theta [R]``."""

from __future__ import annotations

from typing import Any, ClassVar

from recurse.families.roles import Exact
from recurse.numerics.arrays import Array, Arrays
from recurse.sources import Source
from recurse.sources.scalar import Scalar


class OneParameter(Exact[Scalar]):
    """Independent numbers ``x [R, n, 1]``; ``count`` and ``total`` are sufficient."""

    needs: ClassVar[tuple[str, ...]] = ("x",)
    parameters: ClassVar[tuple[str, ...]] = ("theta",)
    quantities: ClassVar[tuple[str, ...]] = ("log_prob",)
    curvature: ClassVar[float | None] = None
    """c in ``Var x = a + b theta + c theta^2`` where theta is the mean of x and is fitted by the
    sample mean; None where it is not (Morris 1982 on quadratic variance functions)."""

    def refusal(self, source: Source) -> str | None:
        if source.law != self.kind:
            return f"'{self.kind}' is fitted to its own law, and source '{source.kind}' is another"
        return None

    def variance(self, source: Scalar) -> float:
        """``n Var theta`` of the first fit to leading order in n, the start of large-n theory."""
        raise TypeError(f"{type(self).__name__} has no asymptotic variance")

    def observed(self, xp: Any, x: Array) -> Array:
        """The statistic that is summed over samples: x itself unless a family says otherwise."""
        return x

    def statistics(self, xp: Any, batch: Arrays, weights: Array) -> dict[str, Array]:
        values = self.observed(xp, batch["x"][..., 0])
        weighed = xp.where(weights > 0, weights * values, 0.0)
        return {"count": xp.sum(weights, axis=1), "total": xp.sum(weighed, axis=1)}

    def merge(self, xp: Any, left: Arrays, right: Arrays) -> dict[str, Array]:
        return {name: left[name] + right[name] for name in ("count", "total")}

    def estimate(self, xp: Any, statistics: Arrays) -> dict[str, Array]:
        return {"theta": statistics["total"] / statistics["count"]}

    def log_density(self, xp: Any, source: Scalar, x: Array, theta: Array) -> Array:
        """Of ``x [R, n]`` in nats, given ``theta [R, 1]``; -inf where it is impossible."""
        raise TypeError(f"{type(self).__name__} has no density")

    def evaluate(self, xp: Any, source: Scalar, params: Arrays, data: Arrays) -> Array:
        x, theta = data["x"][..., 0], params["theta"][:, None]
        return xp.mean(self.log_density(xp, source, x, theta), axis=1)


def times_log(xp: Any, factor: Array, value: Array) -> Array:
    """``factor log(value)``, both ``[R, n]`` or of shapes that fit; 0 where the factor is 0."""
    positive = value > 0
    logs = xp.where(positive, xp.log(xp.where(positive, value, 1.0)), -xp.inf)
    there = factor > 0
    return xp.where(there, xp.where(there, factor, 1.0) * logs, 0.0)
