"""The words of a text as independent draws: its unigram law."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from recurse.sources.categorical import Frequencies
from recurse.sources.text import Text, TextSource


class Words(TextSource, Frequencies):
    """Symbol i is the word that is i-th in frequency, drawn with its share of the text.

    The law is the text's own, so it is known: samples are draws with replacement, and their number
    has no limit. ``level: characters`` gives letters in place of words.
    """

    kind: Literal["words"] = "words"
    cite = "Suresh et al. 2412.17646, section 5 (words of Wikitext-2)"

    @property
    def alphabet(self) -> int:
        return len(self.p)

    @property
    def p(self) -> NDArray[np.float64]:
        return _shares(self.text)


@lru_cache(maxsize=8)
def _shares(text: Text) -> NDArray[np.float64]:
    p: NDArray[np.float64] = text.counts / text.counts.sum()
    p.flags.writeable = False
    return p
