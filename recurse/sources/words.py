"""The words of a text, or their pairs, as independent draws."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from pydantic import Field

from recurse.sources.categorical import Frequencies
from recurse.sources.text import Text, TextSource


class Words(TextSource, Frequencies):
    """Symbol i is the word (or gram) that is i-th in frequency, drawn with its share of the text.

    The law is the text's own, so it is known: samples are draws with replacement, and their number
    has no limit. ``level: characters`` gives letters in place of words.
    """

    kind: Literal["words"] = "words"
    cite = "Suresh et al. 2412.17646 (words and pairs of words of Wikitext-2)"
    order: Annotated[int, Field(ge=1, le=10)] = 1
    """Consecutive words that make one symbol: 2 draws pairs of words that stand side by side."""

    @property
    def alphabet(self) -> int:
        return len(self.p)

    @property
    def p(self) -> NDArray[np.float64]:
        return _shares(self.text, self.order)

    def problems(self) -> list[tuple[str, str, str]]:
        if found := super().problems():
            return found
        if self.alphabet < 2:
            count = len(self.text.symbols)
            return [("order", "E204", f"{count} tokens make one kind of gram; 2 are needed")]
        return []


@lru_cache(maxsize=8)
def _shares(text: Text, order: int) -> NDArray[np.float64]:
    counts = text.counts
    if order > 1:
        grams = sliding_window_view(text.symbols, min(order, len(text.symbols)))
        counts = np.sort(np.unique(grams, axis=0, return_counts=True)[1])[::-1]
    p: NDArray[np.float64] = counts / counts.sum()
    p.flags.writeable = False
    return p
