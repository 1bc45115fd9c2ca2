"""Handwritten digits: scikit-learn's bundled 8x8 images, real data that need no download."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recurse.numerics.arrays import Fields
from recurse.numerics.streams import Streams
from recurse.sources import Source, pick

_TOTAL = 1797
_SPLIT = 20_261_121  # names the fixed shuffle that separates training from test images


class Digits(Source):
    """UCI digits: 1797 images of 8x8 pixels in [0, 1], of which a fixed split is for testing.

    Each seed draws its real sample from the training images without replacement.
    """

    kind: Literal["digits"] = "digits"
    cite = "Alpaydin & Kaynak 1998, UCI; as bundled with scikit-learn"
    test: Annotated[int, Field(ge=100, le=900)] = 360
    """Images held out for testing, the same for every seed."""

    @property
    def fields(self) -> dict[str, tuple[int, ...]]:
        return {"image": (64,), "label": ()}

    @property
    def classes(self) -> int:
        return 10

    def available(self) -> int | None:
        return _TOTAL - self.test

    def digest(self) -> str:
        return f"sklearn-digits-{_TOTAL}/{_SPLIT}"

    def draw(self, streams: Streams, generation: int, purpose: str, n: int) -> Fields:
        picks = pick(streams, generation, purpose, _TOTAL - self.test, n)
        return {name: values[self.test :][picks] for name, values in _shuffled().items()}

    def heldout(self) -> Mapping[str, NDArray[Any]]:
        return {name: values[: self.test] for name, values in _shuffled().items()}


@cache
def _shuffled() -> dict[str, NDArray[Any]]:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    order = np.random.Generator(np.random.Philox(key=_SPLIT)).permutation(_TOTAL)
    images = (bunch.data[order] / 16.0).astype(np.float32)
    return {"image": images, "label": bunch.target[order].astype(np.int64)}
