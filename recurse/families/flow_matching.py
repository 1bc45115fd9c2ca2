"""Flow matching: a net learns the velocity that carries noise to data along straight lines."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from recurse.families.neural import Nets, Requests, Sampling
from recurse.families.vectors import Vectors, field, spread, squares
from recurse.numerics.arrays import Array, Arrays
from recurse.numerics.streams import Uniform
from recurse.sources import Source


class FlowMatching(Vectors):
    """``x_t = (1 - t) noise + t x``; the net's target is ``x - noise``, its loss a mean square."""

    kind: Literal["flow_matching"] = "flow_matching"
    cite = "Lipman et al. 2210.02747; coupling: Tong et al. 2302.00482 (OT-CFM)"
    steps: Annotated[int, Field(ge=1, le=10_000)] = 50
    """Steps of equal length from noise to data when sampling."""
    solver: Literal["euler", "heun", "midpoint"] = "euler"
    """How a step is made; ``heun`` and ``midpoint`` ask the net twice and are of second order."""

    def noise(self, source: Source) -> Requests:
        return {**super().noise(source), "time": Uniform(())}

    def loss(self, xp: Any, nets: Nets, batch: Arrays, noise: Arrays) -> Array:
        x, start, time = self.data(batch), noise["noise"], noise["time"]
        t = spread(xp, time, x)
        told = self.told(xp, batch, noise)
        found = nets["net"]((1.0 - t) * start + t * x, time=time, **told)
        return squares(xp, found - (x - start), time.ndim)

    @property
    def rounds(self) -> int:
        return self.steps

    def sampling(self, source: Source) -> Sampling:
        return Sampling(self.opening(source))

    def round(
        self, xp: Any, nets: Nets, index: Any, state: Arrays, noise: Arrays
    ) -> dict[str, Array]:
        name, length, told = field(state), 1.0 / self.steps, self.told(xp, state, {})
        x, still = state[name], xp.zeros_like(state["label"], dtype=state[name].dtype)

        def velocity(x: Array, ahead: float) -> Array:
            return nets["net"](x, time=still + (index + ahead) * length, **told)

        first = velocity(x, 0.0)
        if self.solver == "euler":
            moved = x + length * first
        elif self.solver == "heun":
            moved = x + 0.5 * length * (first + velocity(x + length * first, 1.0))
        else:
            moved = x + length * velocity(x + 0.5 * length * first, 0.5)
        return {**state, name: moved}
