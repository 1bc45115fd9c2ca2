"""Expected reward of a law of symbols: what curation is proven to increase."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from recurse.families import Family
from recurse.metrics import Metric, View
from recurse.metrics.frequencies import without_frequencies
from recurse.numerics.arrays import Array
from recurse.sources import Source


class Reward(Metric):
    """``E e^{r(x)} = sum p_i e^{r_i}``, with a reward for each symbol."""

    kind: Literal["reward"] = "reward"
    cite = "Ferbach et al. 2407.09499, Lemma 2.2"
    label: ClassVar[str] = "expected exponential reward"
    worse: ClassVar[Literal["up", "down"]] = "down"
    values: Annotated[tuple[float, ...], Field(min_length=2)] | None = None
    """``r_i``, one per symbol."""

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        if (reason := without_frequencies(family)) is not None:
            return reason
        size = getattr(source, "alphabet", None)
        if self.values is None or len(self.values) != size:
            return f"needs 'values', a reward for each of the {size} symbols"
        return None

    def measure(self, xp: Any, view: View) -> Array:
        gain = xp.exp(xp.asarray(list(self.values or ()), dtype=xp.float64))
        return xp.sum(view.params["p"] * gain[None, :], axis=-1)
