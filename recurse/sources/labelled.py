"""Sources of regressions: inputs ``x``, one label ``y``, and a design that is reused or fresh."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from recurse.sources import Source


class Labelled(Source):
    """Inputs ``x [d]`` and a label ``y`` whose law depends on them."""

    dim: Annotated[int, Field(ge=1, le=10_000)]
    design: Literal["reused", "fresh"] = "reused"
    """``reused``: every generation relabels the inputs of the real sample (Gerstgrasser et al.
    2404.01413); ``fresh``: every pool has new inputs (Dohmatob et al. 2402.07712)."""

    @property
    def fields(self) -> dict[str, tuple[int, ...]]:
        return {"x": (self.dim,), "y": ()}
