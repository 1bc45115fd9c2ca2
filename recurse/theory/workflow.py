"""The three workflows that papers have closed forms for, recognised from the schedule itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from recurse.theory.usage import Portion, Usage

WorkflowKind = Literal["replace", "accumulate", "subsample"]


@dataclass(frozen=True)
class Workflow:
    """A workflow in which every generation, the real one too, has ``n`` samples.

    ``subsample`` draws ``n`` of all data so far, without replacement.
    """

    kind: WorkflowKind
    n: int


def workflow(usage: Usage) -> Workflow | None:
    """The workflow of a schedule; None for every other one, and without a second generation."""
    n = int(usage.needed[0])
    later = list(enumerate(usage.fits))[1:]
    if not later or not all(np.all((fit.takes == n) & (fit.weights == 1)) for fit in usage.fits):
        return None
    if all(fit.budget is None and fit.pools.tolist() == [2 * g] for g, fit in later):
        return Workflow("replace", n)
    if not all(np.array_equal(np.sort(fit.pools), np.arange(g + 1) * 2) for g, fit in later):
        return None
    if all(fit.budget is None for _, fit in later):
        return Workflow("accumulate", n)
    if all(_draws(fit, n) for _, fit in later):
        return Workflow("subsample", n)
    return None


def _draws(fit: Portion, n: int) -> bool:
    return fit.budget == n and not fit.replacement
