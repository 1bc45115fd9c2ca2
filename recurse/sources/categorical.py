"""Symbols with known probabilities: uniform, Zipf, Zipf-Mandelbrot, or given."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recurse.numerics.arrays import Fields
from recurse.numerics.streams import Streams, Uniform
from recurse.sources import Discrete

Form = Literal["uniform", "zipf", "zipf_mandelbrot", "given"]


class Frequencies(Discrete):
    """Symbols drawn independently with known probabilities ``p``."""

    law: ClassVar[str | None] = "categorical"

    @property
    def p(self) -> NDArray[np.float64]:
        """The probabilities, ``[K]``; read-only."""
        raise TypeError(f"{type(self).__name__} has no probabilities")

    @property
    def fields(self) -> dict[str, tuple[int, ...]]:
        return {"symbol": ()}

    @property
    def alphabet(self) -> int:
        return len(self.p)

    def truth(self, streams: Streams) -> Fields:
        return {"p": np.broadcast_to(self.p, (len(streams.seeds), self.alphabet))}

    def draw(self, streams: Streams, generation: int, purpose: str, n: int) -> Fields:
        u = streams.draw(generation, f"{purpose}/u", Uniform((n,)))
        ends = np.cumsum(self.p)
        return {"symbol": np.searchsorted(ends / ends[-1], u, side="right")}

    def rarity(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """The joint probability of all symbols that are as likely as each, or less."""
        ascending = np.sort(self.p)
        upto = np.concatenate([[0.0], np.cumsum(ascending)])
        # Nothing is rarer than symbols that never are, and none that are is as rare as they.
        found = upto[np.searchsorted(ascending, self.p[x], side="right")]
        return np.asarray(np.minimum(found, 1.0), dtype=np.float64)


class CategoricalSource(Frequencies):
    """Symbol i, counted from 0, has probability ``p_i``.

    ``zipf``: proportional to ``(i + 1)^-exponent``; ``zipf_mandelbrot``: to
    ``(i + 1 + shift)^-exponent``; ``given``: the listed probabilities.
    """

    kind: Literal["categorical"] = "categorical"
    form: Form = "uniform"
    symbols: Annotated[int, Field(ge=2, le=10_000_000)] = 10
    """The number of symbols; with ``given``, as many as are listed."""
    exponent: Annotated[float, Field(gt=0, le=100)] = 1.0
    shift: Annotated[float, Field(ge=0, le=1e6)] = 0.0
    """Of ``zipf_mandelbrot``: flattens the head of the law."""
    probabilities: Annotated[tuple[float, ...], Field(min_length=2)] | None = None
    """Of ``given``: one per symbol, not negative, 1 in total."""

    @property
    def alphabet(self) -> int:
        return self.symbols if self.probabilities is None else len(self.probabilities)

    @property
    def p(self) -> NDArray[np.float64]:
        return _law(self)

    def problems(self) -> list[tuple[str, str, str]]:
        if (self.form == "given") != (self.probabilities is not None):
            return [("form", "E204", "'given' and a list of 'probabilities' go together")]
        if self.shift and self.form != "zipf_mandelbrot":
            return [("shift", "E204", f"means nothing to '{self.form}'")]
        listed = self.probabilities or ()
        if any(value < 0 for value in listed):
            return [("probabilities", "E204", "one of them is negative")]
        if listed and abs(sum(listed) - 1.0) > 1e-9:
            return [("probabilities", "E204", f"add up to {sum(listed):.12g}, not to 1")]
        return []


@lru_cache(maxsize=16)
def _law(source: CategoricalSource) -> NDArray[np.float64]:
    if source.probabilities is not None:
        weights = np.asarray(source.probabilities)
    elif source.form == "uniform":
        weights = np.ones(source.symbols)
    else:
        weights = (np.arange(1.0, source.symbols + 1) + source.shift) ** -source.exponent
    p: NDArray[np.float64] = weights / weights.sum()
    p.flags.writeable = False
    return p
