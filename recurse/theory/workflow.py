"""The three workflows that papers have closed forms for, recognised from the schedule itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
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


@lru_cache(maxsize=2)
def workflow(usage: Usage) -> Workflow | None:
    """The workflow of a schedule; None for every other one, and without a second generation."""
    n = int(usage.needed[0])
    later = list(enumerate(usage.fits))[1:]
    runs = [fit.runs for fit in usage.fits]
    if not later or not all(np.all((run.takes == n) & (run.weights == 1)) for run in runs):
        return None
    if all(fit.budget is None and _last_alone(fit, g) for g, fit in later):
        return Workflow("replace", n)
    if not all(_everything(fit, g) for g, fit in later):
        return None
    if all(fit.budget is None for _, fit in later):
        return Workflow("accumulate", n)
    if all(_draws(fit, n) for _, fit in later):
        return Workflow("subsample", n)
    return None


def _last_alone(fit: Portion, g: int) -> bool:
    return fit.runs.single and fit.pools.tolist() == [2 * g]


def _everything(fit: Portion, g: int) -> bool:
    """True if the fit sees the real pool and all synthetic ones: as many as there are by then."""
    runs = fit.runs
    return bool(runs.counts[runs.starts % 2 == 0].sum() == g + 1)


def _draws(fit: Portion, n: int) -> bool:
    return fit.budget == n and not fit.replacement
