"""Every claim of every shipped spec fails on a wrong program: ``list.yaml`` says on which.

On NumPy (networks: torch) and few seeds. The claim has to be refuted (False); "cannot tell" is not
enough. On the program as it is the same run must not refute it, so that the failure is that of what
is wrong.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from recurse.scenario.scenario import load
from tests import house
from tests.mutants.wrong import Mutant, verdicts

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


@pytest.mark.parametrize("spec", LISTED)
def test_a_claim_fails_on_a_wrong_program(spec: str) -> None:
    """All claims of a spec in one test, since they share runs."""
    found = []
    for number, mutant in LISTED[spec].items():
        sound, wrong = verdicts(SPECS[spec], number, mutant)
        if sound is False:
            found.append(f"claim {number}: the program as it is fails on so small a run")
        if wrong is not False:
            found.append(f"claim {number} does not see that something is wrong")
    assert not found, "\n".join(found)


def test_a_mutant_that_changes_nothing_is_seen() -> None:
    """The test above would fail: a claim on the arm as it is."""
    _, wrong = verdicts(SPECS["quickstart"], 1, Mutant())
    assert wrong is True
