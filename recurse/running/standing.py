"""A scenario whose results stand: another run would store nothing new and judge nothing anew.

Rows are only ever added, and a cell's identity determines its numbers. So claims, theory and
remarks stay the same if the last run of the scenario was complete, and since then neither the
scenario, nor its cells, nor the program, nor the installed kinds have changed.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from recurse.cache import fingerprint
from recurse.planning.plan import Plan
from recurse.running.outcome import Result, before, incomplete
from recurse.scenario.blame import foreign
from recurse.scenario.identity import canonical, digest
from recurse.scenario.scenario import Scenario
from recurse.spec import provider
from recurse.store.writer import StoreWriter

_PACKAGES = ("numpy", "torch", "jax", "flax", "optax", "duckdb", "polars", "pydantic")


def asked(scenario: Scenario) -> str:
    """A hash of the request, in the words of the file and of the flags."""
    return digest(canonical(scenario.document.data if scenario.document else {}))


def versions(made: Plan) -> dict[str, str]:
    """The packages that compute, judge and provide kinds of this plan: package -> version."""
    found = dict(text.rsplit(" ", 1) for arm in made.arms for text in foreign(arm.arm).values())
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return {**found, "recurse-sim": program()}


@cache
def program() -> str:
    """The version of recurse with a hash of its files."""
    return f"{version('recurse-sim')}+{fingerprint(Path(__file__).parents[1])}"


def standing(made: Plan, writer: StoreWriter) -> Result | None:
    """The stored result, if a run of this plan would come to the same; else None."""
    scenario = made.scenario
    if made.blocks or any(cell.status != "cached" for cell in made.cells):
        return None
    if any(claim.outside or provider(type(claim)) for claim in scenario.claims):
        return None
    last = writer.last_run(scenario.name)
    if last is None or last.status != "complete" or last.digest != asked(scenario):
        return None
    if last.versions != versions(made):
        return None
    arms = [(arm.label, arm.arm.backend) for arm in made.arms]
    here = {(*arms[cell.arm], cell.seed): cell.id for cell in made.cells}
    if writer.places(scenario.name) != here or incomplete(made, writer):
        return None
    claims = tuple(writer.claims(scenario.name))
    return Result(made, (), (), claims, tuple(writer.messages), silent=before(made), run=last.run)
