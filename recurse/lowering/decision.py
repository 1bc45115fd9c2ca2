"""The lowering of an arm: one function decides it, one builds the operations of a block."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from recurse.backend import Backend, Runtime
from recurse.families.closed import Closed
from recurse.families.roles import Exact, Pointwise, Remembering
from recurse.lowering import Operations
from recurse.lowering.closed import ClosedForm, looks_at_all, relabels
from recurse.lowering.neural import NeuralNet
from recurse.lowering.pools import in_part
from recurse.lowering.remembered import Remembered
from recurse.lowering.supervisor import Supervisor
from recurse.scenario.scenario import Arm

Lowering = Literal["statistics", "samples"]


@dataclass(frozen=True)
class Decision:
    """The lowering of an arm, and what follows from it for memory and time."""

    lowering: Lowering
    because: str
    keeps_samples: bool
    """True if pools are kept as samples, not as sums that stand for them."""
    anew: bool
    """True if a fit looks at all its samples again, not only at those that are new."""


@lru_cache(maxsize=4096)
def decide(arm: Arm) -> Decision:
    """The lowering of an arm: on statistics where their exact law serves, else on samples."""
    reason = _not_exact(arm)
    if reason is None:
        known = f"the law of the statistics of '{arm.model.kind}' is known"
        return Decision("statistics", known, keeps_samples=False, anew=False)
    if not isinstance(arm.model, Closed):
        return Decision("samples", reason, keeps_samples=True, anew=True)
    parted, remembers = in_part(arm.schedule) is not None, isinstance(arm.model, Remembering)
    grows = not isinstance(arm.model, Pointwise) or relabels(arm)
    if isinstance(arm.model, Remembering):
        grows = arm.model.additive
    kept = parted or remembers or looks_at_all(arm)
    return Decision("samples", reason, keeps_samples=kept, anew=parted or not grows)


def operations(
    arm: Arm,
    seeds: tuple[int, ...],
    runtime: Runtime,
    backend: Backend,
    exact: bool,
    supervisor: Supervisor | None = None,
) -> Operations:
    """The operations of a block; ``exact``: on the law of the statistics, where there is one."""
    if not isinstance(arm.model, Closed):
        return NeuralNet(arm, seeds, runtime, backend, supervisor)
    if isinstance(arm.model, Remembering):
        return Remembered(arm, seeds, runtime)
    return ClosedForm(arm, seeds, runtime, exact)


def _not_exact(arm: Arm) -> str | None:
    """The reason why an arm must run on samples, or None if the law of its statistics serves."""
    model, source = arm.model, arm.source
    if not isinstance(model, Closed):
        return f"'{model.kind}' is trained on samples"
    if source.law != model.kind:
        return f"source '{source.kind}' is not a '{model.kind}' law"
    if isinstance(model, Pointwise):
        return f"a fit of '{model.kind}' looks at every sample"
    if not isinstance(model, Exact):
        return f"no law of the statistics of '{model.kind}' is known"
    if arm.corrector.kind != "none":
        return f"corrector '{arm.corrector.kind}' acts on samples"
    if reason := in_part(arm.schedule):
        return reason
    refused = (model.refuses_statistics(source, row) for row in arm.schedule)
    return next((reason for reason in refused if reason), None)
