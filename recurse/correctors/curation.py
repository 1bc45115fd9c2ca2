"""Curation: of K candidates one is kept, the more likely the higher its reward."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from recurse.correctors import Corrector, Origin, Prepared
from recurse.judges.rewards import Nearness, Number
from recurse.numerics.arrays import Array, Arrays, Batch, Host
from recurse.numerics.streams import Streams, Uniform
from recurse.sources import Source


class Curation(Corrector):
    """Keep candidate k of K with probability ``e^{r(x_k)} / sum_j e^{r(x_j)}``.

    The choice of a user among K samples (Bradley-Terry for K = 2, Plackett-Luce). The reward is one
    of: ``values``, one number per symbol; ``direction``, ``r(x) = direction.x``; ``nearness`` to a
    point. Expected after one round: ``p'(x) = p(x) H(x)`` with
    ``H(x) = E[K e^{r(x)} / (e^{r(x)} + sum e^{r(x_i)})]``, the others drawn from ``p``.
    The share of candidates left out, ``(K-1)/K``, is recorded as ``corrected_share``.
    """

    kind: Literal["curation"] = "curation"
    cite = "Ferbach et al. 2407.09499, section 2 (equation 6)"
    origin: ClassVar[Origin] = "external verifier"
    moves: ClassVar[bool] = True
    k: Annotated[int, Field(ge=1, le=10_000)] = 2
    """Candidates per kept sample; 1 chooses nothing."""
    values: Annotated[tuple[Number, ...], Field(min_length=2)] | None = None
    direction: Annotated[tuple[Number, ...], Field(min_length=1)] | None = None
    nearness: Nearness | None = None

    @model_validator(mode="after")
    def _one_reward(self) -> Curation:
        if sum(way is not None for way in (self.values, self.direction, self.nearness)) != 1:
            raise ValueError("give one of 'values', 'direction' and 'nearness'")
        return self

    def refusal(self, source: Source, fields: tuple[str, ...]) -> str | None:
        if "y" in fields:
            return "the candidates of a label have other inputs; curation is for samples as a whole"
        if self.values is not None:
            if "symbol" not in fields:
                return f"'values' rewards symbols, not {fields}"
            size = getattr(source, "alphabet", None)
            if size != len(self.values):
                return f"'values' rewards {len(self.values)} symbols, and there are {size}"
            return None
        if "x" not in fields:
            return f"a direction or a target is one of vectors, not of {fields}"
        width = math.prod(source.fields["x"])
        given = self.direction if self.nearness is None else self.nearness.target
        if len(given or ()) != width:
            return f"the reward is given in {len(given or ())} dimensions, and samples have {width}"
        return None

    def candidates(self, n: int) -> int:
        return self.k * n

    def draws(self, streams: Streams, source: Source, generation: int, n: int) -> Host:
        return {"choice": streams.draw(generation, "corrector/choice", Uniform((n,)))}

    def correct(
        self, xp: Any, batch: Arrays, prepared: Prepared, draws: Arrays
    ) -> tuple[Batch, Array]:
        choice = draws["choice"]
        replicates, n = choice.shape
        reward = xp.reshape(self.reward(xp, batch), (replicates, n, self.k))
        chance = xp.exp(reward - xp.max(reward, axis=-1, keepdims=True))
        ends = xp.cumulative_sum(chance, axis=-1)
        passed = ends <= choice[..., None] * ends[..., -1:]
        # Rounding can let the last candidate be passed too.
        place = xp.clip(xp.sum(xp.astype(passed, xp.int64), axis=-1), max=self.k - 1)
        index = place + self.k * xp.arange(n, dtype=xp.int64)[None, :]
        left_out = xp.zeros_like(choice[:, 0]) + (1.0 - 1.0 / self.k)
        kept = {name: _taken(xp, values, index) for name, values in batch.items()}
        return Batch(kept), left_out

    def reward(self, xp: Any, batch: Arrays) -> Array:
        """``r(x)`` of every sample, ``[R, n]``."""
        if self.values is not None:
            values = xp.asarray(list(self.values), dtype=xp.float64)
            flat = xp.take(values, xp.reshape(batch["symbol"], (-1,)), axis=0)
            return xp.reshape(flat, batch["symbol"].shape)
        x = batch["x"]
        if self.nearness is None:
            along = xp.asarray(list(self.direction or ()), dtype=xp.float64)
            return xp.sum(xp.astype(x, xp.float64) * along[None, None, :], axis=-1)
        return self.nearness.reward(xp, x)


def _taken(xp: Any, values: Array, index: Array) -> Array:
    """The samples ``index [R, n]`` of a field ``[R, m, ...]``."""
    wide = xp.reshape(index, index.shape + (1,) * (values.ndim - 2))
    wide = xp.broadcast_to(wide, index.shape + values.shape[2:])
    return xp.take_along_axis(values, wide, axis=1)
