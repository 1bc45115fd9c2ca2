"""A user's own text as numbered tokens: reading, cutting, the vocabulary, and what is wrong."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recurse.bundled import folder
from recurse.reading import files
from recurse.sources import Discrete

Level = Literal["words", "spaces", "characters"]
BUNDLED = "reference/gazette.txt"
_WORD = re.compile(r"\w+(?:['’-]\w+)*|[^\w\s]")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class TextSource(Discrete):
    """A text file in UTF-8; line ends of any system and a byte order mark are no matter.

    Tokens are numbered from the most frequent on; the vocabulary is that of the whole text, its
    test part included.
    """

    path: Annotated[str, Field(min_length=1)] | None = None
    """A text file, relative to the working directory; by default a made-up gazette that ships with
    recurse (92 kB)."""
    level: Level = "words"
    """``words``: runs of letters and digits with inner apostrophes and hyphens, and every other
    mark by itself; ``spaces``: whatever stands between white space, for a text that is cut into
    tokens already; ``characters``: white space of any length is one of them."""
    lower: bool = True
    """True if capitals are made small first."""
    first: Annotated[int, Field(ge=1)] | None = None
    """The number of tokens used, from the beginning of the text; all of them by default."""
    vocabulary: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    """So many of the most frequent tokens are told apart, and all others are one more; no limit by
    default."""

    @property
    def text(self) -> Text:
        """The tokens.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is no text, or too little of it; with the place.
        """
        path = self._file()
        return _read(
            path, self.level, self.lower, self.first, self.vocabulary, path.stat().st_mtime_ns
        )

    @property
    def alphabet(self) -> int:
        return len(self.text.counts)

    def digest(self) -> str:
        return files.digest(self._file())

    def problems(self) -> list[tuple[str, str, str]]:
        try:
            text = self.text
        except (OSError, ValueError) as error:
            return [("path", "E208", f"cannot read '{self._file()}': {error}")]
        if self.first is not None and self.first > len(text.symbols):
            return [("first", "E204", f"the text has {len(text.symbols)} tokens, not {self.first}")]
        if len(text.counts) < 2:
            return [("path", "E204", f"'{self._file()}' has one kind of token; 2 are needed")]
        return []

    def _file(self) -> Path:
        return folder() / BUNDLED if self.path is None else Path(self.path)


@dataclass(frozen=True, eq=False)
class Text:
    """Tokens as numbers."""

    symbols: NDArray[np.int64]
    """The text, ``[N]``."""
    words: tuple[str, ...]
    """The texts that the numbers stand for; the one for all rare tokens is empty."""
    counts: NDArray[np.int64]
    """The count of each in the text, ``[K]``, falling but for the last."""


@lru_cache(maxsize=8)
def _read(
    path: Path, level: Level, lower: bool, first: int | None, vocabulary: int | None, _version: int
) -> Text:
    text = decoded(files.content(path, files.MOST_TEXT))
    tokens = cut(text.lower() if lower else text, level)[:first]
    if not tokens:
        raise ValueError("there is no token in it")
    counted = sorted(Counter(tokens).items(), key=lambda item: (-item[1], item[0]))
    kept = [word for word, _ in counted[:vocabulary]]
    number = {word: i for i, word in enumerate(kept)}
    symbols = np.array([number.get(token, len(kept)) for token in tokens], dtype=np.int64)
    words = (*kept, *([""] if len(counted) > len(kept) else []))
    counts = np.bincount(symbols, minlength=len(words))
    for array in (symbols, counts):
        array.flags.writeable = False
    return Text(symbols, words, counts)


def decoded(raw: bytes) -> str:
    """The text of a file.

    Raises:
        ValueError: it is empty, or not in UTF-8; with line and column.
    """
    if raw.startswith(_UTF16):
        raise ValueError("it is in UTF-16; save it as UTF-8")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode()
        raise ValueError(f"{_place(before)}: not UTF-8 ({error.reason})") from None
    if "\0" in text:
        raise ValueError(f"{_place(text[: text.index(chr(0))])}: a NUL character, so it is no text")
    if not text.strip():
        raise ValueError("it is empty")
    return text


def cut(text: str, level: Level) -> list[str]:
    """The tokens of a text."""
    if level == "characters":
        return list(" ".join(text.split()))
    return text.split() if level == "spaces" else _WORD.findall(text)


def _place(before: str) -> str:
    lines = before.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return f"line {len(lines)}, column {len(lines[-1]) + 1}"
