"""The idealised correction ``pi_gamma`` of Gillman et al.: the model is pulled toward the truth."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from recurse.correctors import Corrector, Origin, Prepared
from recurse.numerics.arrays import Array, Arrays, Batch, Host
from recurse.numerics.streams import Streams, Uniform
from recurse.sources import Source


class Oracle(Corrector):
    """Replace each synthetic sample by a draw from the source with probability ``gamma/(1+gamma)``.

    The corrected samples then follow ``(p_model + gamma p_source) / (1 + gamma)``.
    """

    kind: Literal["oracle"] = "oracle"
    cite = "Gillman et al. 2402.07087, Definition 4.1"
    origin: ClassVar[Origin] = "true distribution"
    moves: ClassVar[bool] = True
    gamma: Annotated[float, Field(ge=0)]
    """Strength; 0 changes nothing, infinity would give the source itself."""

    @property
    def share(self) -> float:
        """The probability that a sample is replaced."""
        return self.gamma / (1.0 + self.gamma)

    def draws(self, streams: Streams, source: Source, generation: int, n: int) -> Host:
        picks = streams.draw(generation, "corrector/pick", Uniform((n,)))
        return {"pick": picks < self.share, **source.draw(streams, generation, "corrector", n)}

    def correct(
        self, xp: Any, batch: Arrays, prepared: Prepared, draws: Arrays
    ) -> tuple[Batch, Array]:
        pick = draws["pick"]

        def choose(name: str) -> Array:
            mask = xp.reshape(pick, pick.shape + (1,) * (batch[name].ndim - 2))
            return xp.where(mask, xp.astype(draws[name], batch[name].dtype), batch[name])

        mixed = {name: choose(name) for name in batch}
        return Batch(mixed), xp.mean(xp.astype(pick, xp.float64), axis=1)
