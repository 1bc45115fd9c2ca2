"""Closed-form families: a fit needs sufficient statistics only, written once for every backend."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

from numpy.typing import NDArray

from recurse.families import Family, S
from recurse.numerics.arrays import Array, Arrays
from recurse.numerics.streams import Draw


class Programs(Protocol):
    """The methods of a family as compiled programs, for a fit that is more than one of them."""

    def __call__(self, method: str, *arguments: Any) -> Any:
        """Run a method; specs and counts among the arguments are constants of the program."""
        ...

    def repeat(self, step: str, until: str, state: Arrays) -> dict[str, Array]:
        """Run a method that maps a state to the next one until another one says that it is enough.

        One program where the backend can; the state is looked at before every step.
        """
        ...

    def put(self, values: NDArray[Any]) -> Array:
        """A NumPy array on the device."""
        ...

    def host(self, values: Array) -> NDArray[Any]:
        """An array of the device as NumPy; not to be written to."""
        ...


class Closed(Family[S]):
    """A family whose fit needs only sufficient statistics, in float64.

    ``xp`` is the array-API namespace; arrays have the replicate axis first. Statistics are dicts of
    arrays with an associative ``merge``; ``design`` holds the fields that all pools of a block
    share, empty unless the family takes on the role `Reusing`.
    """

    def completed(self, source: S) -> Closed[S]:
        """The family with all values that it takes from the source, an alphabet for one."""
        return self

    def statistics(self, xp: Any, batch: Arrays, weights: Array) -> dict[str, Array]:
        """Sufficient statistics of samples ``[R, n, ...]`` with weights ``[R, n]``."""
        raise TypeError(f"{type(self).__name__} has no statistics")

    def merge(self, xp: Any, left: Arrays, right: Arrays) -> dict[str, Array]:
        """The statistics of two sets of samples put together."""
        raise TypeError(f"{type(self).__name__} has no merge")

    def scale(self, xp: Any, statistics: Arrays, weight: float) -> dict[str, Array]:
        """The statistics of the same samples, each with ``weight``; sums are multiplied."""
        return {name: weight * values for name, values in statistics.items()}

    def estimate(self, xp: Any, statistics: Arrays) -> dict[str, Array]:
        """The fitted parameters."""
        raise TypeError(f"{type(self).__name__} has no estimate")

    def solve(self, call: Programs, statistics: Arrays, previous: Arrays) -> Arrays:
        """The fit, as one program or several.

        ``previous`` holds the parameters of the last generation, none in generation 0.
        """
        params: Arrays = call("estimate", statistics)
        return params

    def noise(self, source: S, n: int) -> Mapping[str, Draw]:
        """The numbers that ``sample`` needs for ``n`` samples of one replicate."""
        raise TypeError(f"{type(self).__name__} has no noise")

    def sample(
        self, xp: Any, source: S, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        """Samples ``[R, n, ...]`` from the models."""
        raise TypeError(f"{type(self).__name__} cannot sample")

    def generate(
        self, call: Programs, source: S, params: Arrays, noise: Arrays, design: Arrays
    ) -> Arrays:
        """The samples of ``sample``, by one program or, drawn step by step, by several."""
        drawn: Arrays = call("sample", source, params, noise, design)
        return drawn

    def evaluate(self, xp: Any, source: S, params: Arrays, data: Arrays) -> Array:
        """Mean log-density of held-out data in nats per sample: ``[R]``."""
        raise TypeError(f"{type(self).__name__} has no density")

    def numbers(self, source: S) -> int:
        """Numbers in the statistics of one replicate, for estimates of memory and time."""
        width = sum(math.prod(shape) for shape in self.fields(source).values())
        return width * (width + 2)

    def cost(self, source: S, size: int) -> tuple[int, float]:
        """Numbers that a fit on ``size`` samples needs beside them, and arithmetic operations."""
        return 0, 0.0

    def estimate_cost(self, source: S) -> float:
        """Arithmetic operations of drawing statistics and of estimating a model from them."""
        width = sum(math.prod(shape) for shape in self.fields(source).values())
        return 4.0 * width**3

    def density_cost(self, source: S, size: int) -> float:
        """Arithmetic operations of looking at one held-out point with a model that a fit on
        ``size`` samples made, or that many were added to."""
        width = sum(math.prod(shape) for shape in self.fields(source).values())
        return 4.0 * width * (width + 8.0)
