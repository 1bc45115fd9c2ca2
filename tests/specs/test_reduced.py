"""Every shipped spec with fewer seeds and all its generations: nothing fails, no claim is refuted.

On NumPy, which gives the numbers of the other backends (test_parity). Claims that hold unless the
data contradict them are judged: their level is the same for any number of seeds. Claims that a run
has to prove need all its seeds.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recurse.claims import Claim
from recurse.running.judge import judge
from recurse.scenario.scenario import Scenario, load
from recurse.store.records import Curves
from tests import house
from tests.harness import Record, change, simulate

SPECS = sorted((house.ROOT / "specs").glob("*.yaml"))
SHARE = 10
FEWEST = {True: 20, False: 4}
"""Of closed-form models, and of networks."""
RARE = {("shumailov-discrete", "1 matches_theory"), ("suresh-bernoulli", "5 matches_theory")}
"""Claims about means that rare seeds carry: few seeds have no normal mean there."""


def unless_refuted(claim: Claim) -> bool:
    """True if the claim holds unless the data contradict it."""
    return claim.kind.startswith("matches") or not getattr(claim, "proof", True)


def records(scenario: Scenario) -> dict[tuple[str, str], Record]:
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
        kept = seeds[: max(FEWEST[closed], len(seeds) // SHARE)]
        found[labelled.label, arm.backend] = simulate(here, kept)
    return found


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_shipped_spec_on_fewer_seeds(path: Path) -> None:
    scenario = load(path)
    run = records(scenario)
    for (label, _), record in run.items():
        assert record.whole.all(), f"{label}: {int((~record.whole[-1]).sum())} cells failed"

    def curves(metric: str) -> dict[tuple[str, str], Curves]:
        return {
            place: Curves(np.arange(len(r.outcomes)), np.arange(r.whole.shape[1]), r[metric])
            for place, r in run.items()
            if metric in r.metrics
        }

    judged = [
        one
        for one in judge(scenario, curves)
        if unless_refuted(scenario.claims[int(one.claim.split()[0]) - 1])
        and (path.stem, one.claim) not in RARE
    ]
    refuted = [f"{one.claim} {one.arm}: {one.evidence}" for one in judged if one.holds is False]
    assert not refuted, "\n".join(refuted)
