"""Blocks of tokens from a Markov chain with known transitions."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recurse.numerics.arrays import Fields
from recurse.numerics.counting import digits, follow, running_sums, shape_of_grams
from recurse.numerics.streams import Streams, Uniform
from recurse.sources import Discrete

Table = NDArray[np.float64]
_STEPS, _NEAR = 20_000, 1e-15


class Markov(Discrete):
    """A token depends on the ``order - 1`` before it; the table of their laws is one for all seeds.

    ``zipf``: after each context the tokens have a random order of their own, and the i-th has
    probability proportional to ``i^-exponent``; ``dirichlet``: the law after each context is a draw
    from the symmetric Dirichlet law of that ``concentration``; ``given``: the listed rows, one for
    each context; contexts count up with the last token running fastest.
    """

    kind: Literal["markov"] = "markov"
    cite = "Seddik et al. 2404.05090 (independent contexts); Marchi et al. 2404.02325"
    law: ClassVar[str | None] = "ngram"
    order: Annotated[int, Field(ge=1, le=3)] = 2
    """Tokens in a gram: 1 draws tokens independently, 2 looks at the token before, 3 at two."""
    symbols: Annotated[int, Field(ge=2, le=10_000)] = 10
    """The number of tokens; with ``given``, as many as a row has."""
    length: Annotated[int, Field(ge=1, le=100_000)] = 2
    """Tokens in a block; as many as ``order`` make each block one gram."""
    form: Literal["zipf", "dirichlet", "given"] = "zipf"
    exponent: Annotated[float, Field(gt=0, le=100)] = 1.0
    """Of ``zipf``."""
    concentration: Annotated[float, Field(ge=0.01, le=1e6)] = 1.0
    """Of ``dirichlet``: 1 is uniform over all laws, less is more uneven."""
    table_seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Names the random table of ``zipf`` and ``dirichlet``."""
    probabilities: Annotated[tuple[tuple[float, ...], ...], Field(min_length=1)] | None = None
    """Of ``given``: each row not negative, 1 in total."""
    start: Literal["stationary", "even"] = "stationary"
    """The beginning of blocks. ``stationary``: as any other part of the chain. ``even``: block i
    begins with context i, block i + 1 with the next one and so on in turn, in real data and in
    those of models: contexts are given, as prompts are."""

    @property
    def fields(self) -> dict[str, tuple[int, ...]]:
        return {"tokens": (self.length,)}

    @property
    def alphabet(self) -> int:
        return self.symbols if self.probabilities is None else len(self.probabilities[0])

    @property
    def table(self) -> Table:
        """The law of the next token after each context, ``[C, V]``; read-only."""
        return _table(self)

    @property
    def beginning(self) -> Table:
        """The law of the first context of a block, ``[C]``; read-only."""
        return _beginning(self)

    @property
    def usual(self) -> Table:
        """The law of the contexts in a block, ``[C]``: the mean over its places."""
        total = np.zeros_like(self.beginning)
        for law in self.contexts():
            total += law
        share: Table = total / total.sum()
        return share

    def contexts(self) -> list[Table]:
        """The law of the context at every place of a block that a token follows, ``[C]`` each."""
        found = [self.beginning]
        for _ in range(self.length - self.order):
            found.append(_next(found[-1], self.table))
        return found

    def truth(self, streams: Streams) -> Fields:
        laws = {"p": self.table, "start": self.beginning, "contexts": self.usual}
        return {k: np.broadcast_to(v, (len(streams.seeds), *v.shape)) for k, v in laws.items()}

    def draw(self, streams: Streams, generation: int, purpose: str, n: int) -> Fields:
        u = streams.draw(generation, f"{purpose}/u", Uniform((n, self.length - self.order + 2)))
        replicates = len(u)
        if self.start == "even":
            first = np.broadcast_to(np.arange(n) % len(self.table), (replicates, n))
        else:
            first = np.searchsorted(running_sums(np, self.beginning), u[:, :, 0], side="right")
        # One table serves all replicates: they stand in one row.
        context, ends = first.reshape(1, -1), running_sums(np, self.table)[None]
        found = digits(np, context, *self.table.shape)
        for t in range(1, u.shape[2]):
            found.append(follow(np, ends, context, u[:, :, t].reshape(1, -1)))
            context = (context * self.alphabet + found[-1]) % len(self.table)
        return {"tokens": np.stack(found, axis=2).reshape(replicates, n, self.length)}

    def problems(self) -> list[tuple[str, str, str]]:
        if (self.form == "given") != (self.probabilities is not None):
            return [("form", "E204", "'given' and a list of 'probabilities' go together")]
        shape = shape_of_grams(self.alphabet, self.order)
        if isinstance(shape, str):
            return [("symbols", "E206", shape)]
        if self.length < self.order:
            text = f"a block of {self.length} has no gram of {self.order} tokens"
            return [("length", "E204", text)]
        if self.probabilities is not None:
            return self._rows(self.probabilities, shape)
        return self._mixing()

    def _rows(
        self, rows: tuple[tuple[float, ...], ...], shape: tuple[int, int]
    ) -> list[tuple[str, str, str]]:
        if len(rows) != shape[0] or any(len(row) != shape[1] for row in rows):
            text = (
                f"{shape[1]} tokens in grams of {self.order} need {shape[0]} rows of {shape[1]} "
                f"numbers, not {len(rows)} rows of {sorted({len(row) for row in rows})}"
            )
            return [("probabilities", "E204", text)]
        for i, row in enumerate(rows):
            if min(row) < 0:
                return [(f"probabilities.{i}", "E204", "one of them is negative")]
            if abs(sum(row) - 1.0) > 1e-9:
                return [(f"probabilities.{i}", "E204", f"add up to {sum(row):.12g}, not to 1")]
        return self._mixing()

    def _mixing(self) -> list[tuple[str, str, str]]:
        if np.isfinite(self.beginning).all():
            return []
        text = f"after {_STEPS} steps the chain has not settled; 'start: even' needs no settling"
        return [("probabilities" if self.probabilities else "exponent", "E204", text)]


def _next(law: Table, table: Table) -> Table:
    """The law of the context one token later, ``[C]``."""
    moved = (law[:, None] * table).reshape(-1, len(table))
    # Context and token are m digits; the next context is the last m - 1 of them.
    return np.asarray(moved.sum(axis=0), dtype=np.float64)


@lru_cache(maxsize=16)
def _table(source: Markov) -> Table:
    if source.probabilities is not None:
        table = np.asarray(source.probabilities)
    else:
        shape = shape_of_grams(source.symbols, source.order)
        assert not isinstance(shape, str), "see problems"
        generator = np.random.Generator(np.random.Philox(key=source.table_seed))
        if source.form == "dirichlet":
            table = generator.standard_gamma(source.concentration, shape)
        else:
            ranks = np.argsort(generator.random(shape), axis=1).argsort(axis=1)
            table = (ranks + 1.0) ** -source.exponent
    found: Table = table / table.sum(axis=1, keepdims=True)
    found.flags.writeable = False
    return found


@lru_cache(maxsize=16)
def _beginning(source: Markov) -> Table:
    """From the uniform law on; half a step at a time, so that no chain can run in circles."""
    table = _table(source)
    law = np.full(len(table), 1.0 / len(table))
    if source.start == "stationary" and len(table) > 1:
        for _ in range(_STEPS):
            before = law
            law = 0.5 * (law + _next(law, table))
            if np.abs(law - before).max() < _NEAR:
                break
        else:
            law = np.full(len(table), np.nan)
    law.flags.writeable = False
    return law
