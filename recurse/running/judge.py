"""Judging a scenario's claims on what is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from recurse.claims import Claim, Series, Verdict
from recurse.planning.judgeable import family, selected, theory
from recurse.scenario.scenario import Scenario
from recurse.spec import provider
from recurse.store.records import ClaimRecord, Curves

Arrays = Callable[[str], Mapping[tuple[str, str], Curves]]
"""Metric -> its values by (arm, backend)."""


def judge(scenario: Scenario, arrays: Arrays) -> list[ClaimRecord]:
    """A record per claim and arm; claims are numbered from 1 in the order of the file."""
    values = {claim.metric: arrays(claim.metric) for claim in scenario.claims}
    found = []
    for number, claim in enumerate(scenario.claims, start=1):
        for verdict in _verdicts(scenario, claim, values[claim.metric]):
            name, statement = f"{number} {claim.kind}", claim.note or claim.statement()
            record = ClaimRecord(
                name, claim.kind, verdict.arm, verdict.holds, statement, verdict.evidence
            )
            found.append(record)
    return found


def _verdicts(
    scenario: Scenario, claim: Claim, values: Mapping[tuple[str, str], Curves]
) -> list[Verdict]:
    """The verdicts on a claim; an open one, with the kind's name, if an installed kind raises."""
    try:
        judged = claim.among(family(scenario, claim))
        return judged.judge(_series(scenario, claim, values), scenario.folder)
    except Exception as error:
        if not (by := provider(type(claim))):
            raise
        text = f"claim '{claim.kind}' of {by} failed: {type(error).__name__}: {error}"
        return [Verdict("", None, text)]


def _series(
    scenario: Scenario, claim: Claim, values: Mapping[tuple[str, str], Curves]
) -> list[Series]:
    made = []
    for labelled in selected(scenario, claim):
        arm = labelled.arm
        held = values.get((labelled.label, arm.backend))
        if held is None:
            continue
        # A seed whose cell failed or has not finished has gaps; the rest are judged.
        complete = ~np.isnan(held.values[-1])
        made.append(
            Series(
                arm=labelled.label,
                policy=arm.policy.kind,
                backend=arm.backend,
                metric=claim.metric,
                generations=held.generations,
                seeds=held.seeds[complete],
                values=held.values[:, complete],
                theory=theory(arm, claim.metric),
                data=arm.data(),
            )
        )
    return made
