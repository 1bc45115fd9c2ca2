"""Expected reward of points that a model samples: what curation is proven to increase."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from recurse.families import Family
from recurse.judges.rewards import Nearness
from recurse.metrics import Needs, Sampled, View
from recurse.numerics.arrays import Array
from recurse.sources import Source


class PointReward(Sampled):
    """``E e^{r(x)}``, the mean over samples, of a reward for being near a target."""

    kind: Literal["point_reward"] = "point_reward"
    version: ClassVar[int] = 2
    cite = "Ferbach et al. 2407.09499, Lemma 2.2"
    needs: ClassVar[Needs] = ("samples",)
    label: ClassVar[str] = "expected exponential reward"
    worse: ClassVar[Literal["up", "down"]] = "down"
    nearness: Nearness | None = None
    """The reward, as the corrector ``curation`` has it."""
    samples: Annotated[int, Field(ge=50, le=100_000)] = 1000
    """Samples drawn per model."""

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        shape = family.fields(source).get("x", ())
        if self.nearness is None or shape != (len(self.nearness.target),):
            return f"needs 'nearness' with a target among the samples of family '{family.kind}'"
        return None

    def measure(self, xp: Any, view: View) -> Array:
        assert self.nearness is not None
        x = view.samples["x"][:, : self.samples, ...]
        return xp.mean(xp.exp(self.nearness.reward(xp, x)), axis=1)
