"""A watermark: marked samples are found and left out, with misses and false alarms."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recurse.correctors import Corrector, Origin, Prepared
from recurse.numerics.arrays import Array, Arrays, Batch, Host
from recurse.numerics.streams import Streams, Uniform
from recurse.sources import Source


class Watermark(Corrector):
    """Leave out a synthetic sample with probability ``tpr`` and a real one with ``fpr``.

    The idealised detector of a mark that the generator puts into its samples: errors are
    independent of what the samples say. Real data are screened once, before the first fit; fresh
    data when they come. ``corrected_share`` is the share of synthetic samples left out.
    """

    kind: Literal["watermark"] = "watermark"
    cite = "no paper on loops known; a detector with a true and a false positive rate"
    origin: ClassVar[Origin] = "external verifier"
    weighs: ClassVar[bool] = True
    tpr: Annotated[float, Field(ge=0, le=1)]
    """The share of synthetic samples that is found; less if not all are marked."""
    fpr: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The share of real samples that is taken for marked ones."""

    def draws(self, streams: Streams, source: Source, generation: int, n: int) -> Host:
        found = streams.draw(generation, "corrector/found", Uniform((n,)))
        return {"kept": found >= self.tpr}

    def screen(
        self, streams: Streams, generation: int, purpose: str, n: int
    ) -> NDArray[np.float64] | None:
        found = streams.draw(generation, f"{purpose}/found", Uniform((n,)))
        return np.asarray(found >= self.fpr, dtype=np.float64)

    def correct(
        self, xp: Any, batch: Arrays, prepared: Prepared, draws: Arrays
    ) -> tuple[Batch, Array]:
        weight = xp.astype(draws["kept"], xp.float64)
        return Batch(batch, weight=weight), xp.mean(1.0 - weight, axis=1)
