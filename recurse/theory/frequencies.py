"""The relative frequencies that an arm refits, each a multinomial chain of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurse.theory.law import usage_of
from recurse.theory.usage import Usage

Table = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Frequencies:
    """Independent tables of one size, all refitted in the same way."""

    laws: Table
    """The true probabilities of each, ``[C, K]``."""
    usage: Usage
    """The samples that a fit of one table sees."""
    whole: bool
    """True for the table of whole n-grams, whose contexts are refitted with it."""

    @property
    def spread(self) -> float:
        """``1 - sum q^2``, the mean over tables."""
        return float(np.mean(np.sum(self.laws * (1.0 - self.laws), axis=1)))

    @property
    def width(self) -> float:
        """``sum sqrt(q (1 - q)) / 2``, the mean over tables."""
        return float(np.mean(np.sum(np.sqrt(self.laws * (1.0 - self.laws)), axis=1))) / 2.0


def frequencies(arm: Any) -> Frequencies | str:
    """The tables of an arm, or the reason why they are not known."""
    source, model = arm.source, arm.model
    if source.law != model.kind:
        return f"the probabilities of a {source.kind} source are not known"
    used = usage_of(arm)
    if model.kind == "categorical":
        return Frequencies(source.p[None, :], used, False)
    if source.order != model.order:
        return f"the source has order {source.order}, the model {model.order}"
    if source.length != source.order:
        return "stated for blocks of one gram, which are independent"
    contexts = len(source.table)
    if contexts == 1:
        return Frequencies(source.table, used, False)
    if source.start != "even":
        return Frequencies(_grams(source.beginning, source.table), used, True)
    if any(fit.budget is not None for fit in used.fits):
        return "a subsample does not have each context equally often"
    try:
        return Frequencies(source.table, used.in_copies_of(contexts), False)
    except ValueError:
        return f"the {contexts} contexts are not equally often in all pools"


def drawn(arm: Any, tables: Frequencies) -> Table:
    """The laws that synthetic data of the true model have, sampler and all: ``[C, K]``."""
    if not tables.whole:
        return np.asarray(arm.sampler.adapt(np, {"p": tables.laws})["p"], dtype=np.float64)
    adapted = arm.sampler.adapt(np, {"p": arm.source.table})["p"]
    return _grams(arm.source.beginning, adapted)


def _grams(start: Table, table: Table) -> Table:
    """The probabilities of whole grams, ``[1, C V]``."""
    return np.asarray((start[:, None] * table).reshape(1, -1), dtype=np.float64)
