"""The share of a model's samples that have no place among real data."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from recurse.families import Family
from recurse.metrics import Needs, Sampled, View
from recurse.metrics.unlikely import mass, without_density
from recurse.numerics.arrays import Array
from recurse.sources import Source


class Hallucinated(Sampled):
    """The model's mass where the real density is below its ``share``-quantile.

    Exact for symbols; otherwise the share of samples. ``share`` for the true model.
    """

    kind: Literal["hallucinated"] = "hallucinated"
    cite = "Schaeffer et al. 2503.03150, definition 8 (in words there)"
    needs: ClassVar[Needs] = ("samples", "rarity")
    label: ClassVar[str] = "mass where real data are not"
    speaks: ClassVar[frozenset[int]] = frozenset({8})
    share: Annotated[float, Field(ge=0, le=0.5)] = 0.001
    """The share of real data that lie there themselves; 0 leaves the impossible: symbols of
    probability zero, points outside of a box."""
    samples: Annotated[int, Field(ge=50, le=100_000)] = 1000
    """Samples drawn per model; none for symbols."""

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        return without_density(source, family)

    def measure(self, xp: Any, view: View) -> Array:
        return mass(xp, view, self.share, self.samples, possible=False)
