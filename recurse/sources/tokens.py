"""The user's own text in blocks of tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recurse.numerics.arrays import Fields
from recurse.numerics.streams import Streams
from recurse.sources import pick
from recurse.sources.text import TextSource


class Tokens(TextSource):
    """Blocks of consecutive tokens that share none; a fixed part of the blocks is held out.

    What is left over at the end of the text is not used. Each seed takes its real sample from the
    training blocks without replacement.
    """

    kind: Literal["tokens"] = "tokens"
    cite = "Shumailov et al. 2305.17493 (blocks of 64 tokens)"
    length: Annotated[int, Field(ge=1, le=100_000)] = 64
    """Tokens in a block."""
    test: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """The share of blocks held out for testing, the same for all seeds."""

    @property
    def fields(self) -> dict[str, tuple[int, ...]]:
        return {"tokens": (self.length,)}

    def available(self) -> int | None:
        return len(self._blocks()) - self._held()

    def draw(self, streams: Streams, generation: int, purpose: str, n: int) -> Fields:
        blocks = self._blocks()[self._held() :]
        return {"tokens": blocks[pick(streams, generation, purpose, len(blocks), n)]}

    def heldout(self) -> Mapping[str, NDArray[Any]]:
        return {"tokens": self._blocks()[: self._held()]}

    def problems(self) -> list[tuple[str, str, str]]:
        if found := super().problems():
            return found
        count = len(self.text.symbols)
        if count // self.length < 4:
            text = f"{count} tokens make {count // self.length} blocks of it; 4 are needed"
            return [("length", "E204", text)]
        if not self._held():
            return [("test", "E204", f"holds out none of {count // self.length} blocks")]
        return []

    def _held(self) -> int:
        return round(self.test * len(self._blocks()))

    def _blocks(self) -> NDArray[np.int64]:
        """All blocks ``[N, length]``, shuffled once in a way that depends on their number only."""
        symbols = self.text.symbols
        count = len(symbols) // self.length
        order = np.random.Generator(np.random.Philox(key=count)).permutation(count)
        return symbols[: count * self.length].reshape(count, self.length)[order]
