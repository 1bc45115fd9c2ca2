"""The training data of each generation, as rows: a policy compiles to them, executors read them.

A row lists the number of samples and their weight for each pool used, and an optional budget to
subsample to. Rows are produced one at a time, so a schedule of 10^5 generations costs nothing until
a row is read. Rows are causal: row ``g`` names synthetic and fresh pools ``1..g`` only.

A pool that row ``g`` does not use is never used by a later row; executors may forget it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain
from math import inf
from operator import attrgetter
from typing import Literal, NamedTuple, Protocol

PoolKind = Literal["real", "fresh", "synthetic"]


class Pool(NamedTuple):
    """A pool of samples: ``real`` (born 0), ``fresh`` or ``synthetic`` (born in g)."""

    kind: PoolKind
    born: int = 0

    @property
    def number(self) -> int:
        """Pools are numbered: real 0, ``synthetic[g]`` 2g, ``fresh[g]`` 2g + 1."""
        return 2 * self.born + (self.kind == "fresh")

    def __str__(self) -> str:
        return self.kind if self.kind == "real" else f"{self.kind}[{self.born}]"


REAL = Pool("real")


class Use(NamedTuple):
    """The first ``take`` samples, each with weight ``weight``, of a pool.

    A run of pools that are used alike is one use: of ``pool`` and of those of its kind born in the
    generations after it, ``length`` pools in all.
    """

    pool: Pool
    take: int
    weight: float = 1.0
    length: int = 1

    @property
    def last(self) -> int:
        """The generation that the last pool was born in."""
        return self.pool.born + self.length - 1

    @property
    def numbers(self) -> slice:
        """The numbers of the pools."""
        return slice(self.pool.number, self.pool.number + 2 * self.length, 2)

    def each(self) -> Iterator[Use]:
        """The pools one by one."""
        kind = self.pool.kind
        for born in range(self.pool.born, self.last + 1):
            yield Use(Pool(kind, born), self.take, self.weight)


def made(first: int, last: int, take: int) -> tuple[Use, ...]:
    """``take`` samples of each synthetic pool born in ``first..last``, if that is any at all."""
    if take == 0 or last < first:
        return ()
    return (Use(Pool("synthetic", first), take, length=last - first + 1),)


@dataclass(frozen=True)
class Row:
    """The samples that generation ``g`` draws and those that it is fitted on.

    ``synthesise`` samples are drawn from the model of generation ``g - 1`` and become pool
    ``synthetic[g]``; ``fresh`` new real samples become ``fresh[g]``. The fit sees ``runs``; with a
    ``budget`` the fit sees that many samples drawn uniformly from ``runs``, with or without
    ``replacement``.
    Runs are as long as they can be, so that a row of ``accumulate`` costs no more in generation
    2000 than in generation 2.
    """

    generation: int
    synthesise: int
    fresh: int
    runs: tuple[Use, ...]
    budget: int | None = None
    replacement: bool = False

    @property
    def uses(self) -> tuple[Use, ...]:
        """The samples that the fit sees, pool by pool."""
        return tuple(chain.from_iterable(map(Use.each, self.runs)))

    @cached_property
    def pools(self) -> int:
        """The number of pools that the fit sees."""
        return sum(map(attrgetter("length"), self.runs))

    @cached_property
    def pooled(self) -> int:
        """Samples named by ``runs``."""
        return sum(run.take * run.length for run in self.runs)

    @property
    def size(self) -> int:
        """Samples that the fit sees."""
        return self.pooled if self.budget is None else self.budget

    def beyond(self, earlier: Row) -> tuple[Use, ...] | None:
        """The uses of this row after those of ``earlier``; None if it does not begin with those."""
        if not earlier.runs:
            return self.runs
        place, last = len(earlier.runs) - 1, earlier.runs[-1]
        if len(self.runs) <= place or self.runs[:place] != earlier.runs[:place]:
            return None
        mine, after = self.runs[place], self.runs[place + 1 :]
        more = mine.length - last.length
        if more < 0 or mine._replace(length=last.length) != last:
            return None
        if more == 0:
            return after
        return (Use(Pool(mine.pool.kind, last.last + 1), mine.take, mine.weight, more), *after)

    def __str__(self) -> str:
        parts = []
        for use in self.uses:
            weight = "" if use.weight == 1.0 else f" (weight {use.weight:g})"
            parts.append(f"{use.take} {use.pool}{weight}")
        text = " + ".join(parts)
        if self.budget is not None:
            how = "with" if self.replacement else "without"
            text = f"{self.budget} drawn {how} replacement from {text}"
        return text


class RowMaker(Protocol):
    """A policy, as the rest of the program sees it."""

    def row(self, generation: int, real: int, synthetic: int, fresh: int) -> Row:
        """The row of ``generation >= 1`` for the scenario's counts per generation."""
        ...


@dataclass(frozen=True)
class Schedule:
    """A policy with the scenario's counts, read like a list; row 0 is the real sample alone."""

    policy: RowMaker
    real: int
    synthetic: int
    fresh: int
    generations: int

    def __getitem__(self, generation: int) -> Row:
        if generation < 0:
            raise IndexError(generation)
        if generation == 0:
            return Row(0, 0, 0, (Use(REAL, self.real),))
        return self.policy.row(generation, self.real, self.synthetic, self.fresh)

    def __len__(self) -> int:
        return self.generations + 1

    def __iter__(self) -> Iterator[Row]:
        return iter(_rows(self))


@lru_cache(maxsize=64)
def _rows(schedule: Schedule) -> tuple[Row, ...]:
    """The rows of a schedule; arms of a sweep that differ elsewhere share them."""
    return tuple(schedule[g] for g in range(len(schedule)))


def flaw(before: Row, row: Row) -> str | None:
    """The rule that a row breaks, given the row before it; None if it keeps all.

    A row may use pools born with the row, and pools that the row before used: executors may have
    forgotten all others. A row may not take more of a pool than the row before took.
    """
    g = before.generation + 1
    if row.generation != g:
        return f"the row of generation {g} says that it is of generation {row.generation}"
    if min(row.synthesise, row.fresh, row.budget or 0) < 0:
        return f"generation {g} asks for a negative number of samples"
    held = {kind: _sorted(before, kind) for kind in ("real", "fresh", "synthetic")}
    held["synthetic"].append(Use(Pool("synthetic", g), row.synthesise))
    held["fresh"].append(Use(Pool("fresh", g), row.fresh))
    for run in row.runs:
        if run.take < 0 or run.length < 1 or not 0.0 <= run.weight < inf:
            return f"generation {g} uses {run}, which makes no sense"
        if run.last > g:
            return f"generation {g} uses {Pool(run.pool.kind, run.last)}, which is not born yet"
        if (born := _absent(run, held[run.pool.kind])) is not None:
            what = f"generation {g} takes {run.take} samples of {Pool(run.pool.kind, born)}"
            why = "fewer are drawn" if born == g else f"generation {g - 1} did not use so many"
            return f"{what}, of which {why}"
    return None


def _sorted(row: Row, kind: PoolKind) -> list[Use]:
    return sorted((run for run in row.runs if run.pool.kind == kind), key=_birth)


def _birth(use: Use) -> int:
    return use.pool.born


def _absent(run: Use, held: Sequence[Use]) -> int | None:
    """The first birth in ``run`` of a pool that ``held``, sorted by birth, has not in full."""
    born = run.pool.born
    for use in held[max(bisect_right(held, born, key=_birth) - 1, 0) :]:
        if born > run.last or not use.pool.born <= born <= use.last or use.take < run.take:
            break
        born = use.last + 1
    return born if born <= run.last else None
