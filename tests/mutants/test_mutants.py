"""Every shipped spec on few seeds, as it is and on wrong programs: ``list.yaml`` says which.

On NumPy (networks: torch). On a wrong program a claim has to be refuted (False); "cannot tell" is
not enough. On the program as it is the same run must not refute it, so that the failure is that of
what is wrong.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from recurse.scenario.scenario import load
from tests import house
from tests.mutants.wrong import Mutant, run, verdicts
from tests.specs.reduced import complaints

SPECS = {path.stem: load(path) for path in sorted((house.ROOT / "specs").glob("*.yaml"))}
LISTED = {
    spec: {int(number): Mutant.model_validate(given) for number, given in claims.items()}
    for spec, claims in yaml.safe_load(Path(__file__).with_name("list.yaml").read_text()).items()
}


def test_every_claim_has_a_mutant() -> None:
    claims = {(name, i) for name, spec in SPECS.items() for i in range(1, len(spec.claims) + 1)}
    listed = {(name, i) for name, claims in LISTED.items() for i in claims}
    lacking = sorted(f"{name}: claim {i}" for name, i in claims - listed)
    assert not lacking, f"no wrong program for {', '.join(lacking)}"
    assert not listed - claims, f"no such claim: {sorted(listed - claims)}"


@pytest.mark.parametrize("spec", SPECS)
def test_a_shipped_spec(spec: str) -> None:
    """On few seeds nothing fails and no claim is refuted, but each is on a wrong program.

    One test for a spec, since all of this shares runs.
    """
    found = complaints(SPECS[spec])
    for number, mutant in LISTED.get(spec, {}).items():
        sound, wrong = verdicts(SPECS[spec], number, mutant)
        if sound is False:
            found.append(f"claim {number}: the program as it is fails on so small a run")
        if wrong is not False:
            found.append(f"claim {number} does not see that something is wrong")
    run.cache_clear()
    assert not found, "\n".join(found)


def test_a_mutant_that_changes_nothing_is_seen() -> None:
    """The test above would fail: a claim on the arm as it is."""
    _, wrong = verdicts(SPECS["quickstart"], 1, Mutant())
    assert wrong is True
