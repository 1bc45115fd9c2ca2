"""A shipped spec with fewer seeds: nothing fails, no claim is refuted.

On NumPy, which gives the numbers of the other backends (test_parity). Claims that hold unless the
data contradict them are judged: their level is the same for any number of seeds. Claims that a run
has to prove need all its seeds. Networks run for a few generations only, since all
their claims are to be proven.
"""

from __future__ import annotations

import numpy as np

from recurse.claims import Claim
from recurse.running.judge import judge
from recurse.scenario.scenario import Scenario
from recurse.store.records import Curves
from tests.harness import Record, change
from tests.mutants.wrong import SHARE, run

FEWEST = {True: 20, False: 4}
"""Of closed-form models, and of networks."""
TRAINED = 2
"""Generations of networks."""
RARE = {("shumailov-discrete", "1 matches_theory"), ("suresh-bernoulli", "5 matches_theory")}
"""Claims about means that rare seeds carry: few seeds have no normal mean there."""


def complaints(scenario: Scenario) -> list[str]:
    """A line per arm with a failed cell, and per claim that the runs refute."""
    records = _records(scenario)

    def curves(metric: str) -> dict[tuple[str, str], Curves]:
        return {
            place: Curves(np.arange(len(r.outcomes)), np.arange(r.whole.shape[1]), r[metric])
            for place, r in records.items()
            if metric in r.metrics
        }

    found = [
        f"{label}: {int((~record.whole[-1]).sum())} cells failed"
        for (label, _), record in records.items()
        if not record.whole.all()
    ]
    return found + [
        f"{one.claim} {one.arm}: {one.evidence}"
        for one in judge(scenario, curves)
        if one.holds is False
        and _unless_refuted(scenario.claims[int(one.claim.split()[0]) - 1])
        and (scenario.name, one.claim) not in RARE
    ]


def _unless_refuted(claim: Claim) -> bool:
    """True if the claim holds unless the data contradict it."""
    return claim.kind.startswith("matches") or not getattr(claim, "proof", True)


def _records(scenario: Scenario) -> dict[tuple[str, str], Record]:
    """One run per arm, whatever its backends."""
    found: dict[tuple[str, str], Record] = {}
    labels: set[str] = set()
    seeds = sorted(scenario.seed_list)
    for labelled in scenario.arms:
        if labelled.label in labels:
            continue
        labels.add(labelled.label)
        arm = labelled.arm
        closed = not arm.model.trained
        here = change(arm, backend="numpy") if closed else arm
        if not closed:
            assert not any(_unless_refuted(claim) for claim in scenario.claims)
            here = change(here, generations=min(arm.generations, TRAINED))
        kept = seeds[: max(FEWEST[closed], len(seeds) // SHARE)]
        found[labelled.label, arm.backend] = run(here.model_dump_json(by_alias=True), tuple(kept))
    return found
