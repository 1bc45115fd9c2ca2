"""Many specs at once: loaded and planned as for a run, with every problem of every file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from recurse.planning.blocks import Recall
from recurse.planning.plan import Plan
from recurse.planning.planner import check as refusals
from recurse.planning.planner import plan
from recurse.reading.layers import FLAG
from recurse.reading.problems import Problem, Problems
from recurse.scenario.scenario import Scenario, load
from recurse.scenario.shipped import resolve

Made = TypeVar("Made")
Past = Callable[[Scenario], Recall | None]


def check(names: Sequence[str], sets: Sequence[str] = ()) -> dict[str, tuple[Problem, ...]]:
    """The problems of each file that a run would refuse; ``names`` as `resolve` takes them."""

    def one(path: Path) -> None:
        refusals(load(path, sets))

    return {place: problems for place, _, problems in _all(names, one)}


def compiled(
    names: Sequence[str],
    sets: Sequence[str] = (),
    past: Past = lambda scenario: None,
    retry: bool = False,
    jobs: int = 1,
) -> list[Plan]:
    """The plans of all specs.

    Args:
        names: files, directories of them, names of shipped specs.
        sets: overrides for each, ``path=value``.
        past: asks the store for the records of a scenario.
        retry: run cells again that failed before.
        jobs: workers, for the choice among measured widths.

    Raises:
        Problems: everything that is wrong with any of them, and scenarios of the same name.
    """

    def one(path: Path) -> Plan:
        scenario = load(path, sets)
        return plan(scenario, past(scenario), retry, jobs)

    found = _all(names, one)
    problems = [problem for _, _, refused in found for problem in refused]
    places: dict[str, str] = {}
    for place, made, _ in found:
        if made is None:
            continue
        other = places.setdefault(made.scenario.name, place)
        if other != place:
            text = f"'{made.scenario.name}' is also the name in {other}"
            problems.append(made.scenario.problem("E109", text, ("name",)))
    if problems:
        raise Problems(problems)
    return [made for _, made, _ in found if made is not None]


def _all(
    names: Sequence[str], work: Callable[[Path], Made]
) -> list[tuple[str, Made | None, tuple[Problem, ...]]]:
    """Each file once, with the outcome of the work and the problems.

    If there are several files, the problem of an override names the file that it was for.
    """
    found: dict[str, tuple[Made | None, tuple[Problem, ...]]] = {}
    for name in dict.fromkeys(names):
        try:
            paths = resolve([name])
        except Problems as absent:
            found[name] = (None, absent.problems)
            continue
        for path in paths:
            if str(path) not in found:
                found[str(path)] = _one(path, work)
    alone = len(found) == 1
    return [
        (place, made, problems if alone else tuple(_for(place, p) for p in problems))
        for place, (made, problems) in found.items()
    ]


def _for(place: str, problem: Problem) -> Problem:
    if not problem.file.startswith(FLAG):
        return problem
    return replace(problem, message=f"{problem.message} (in {place})")


def _one(path: Path, work: Callable[[Path], Made]) -> tuple[Made | None, tuple[Problem, ...]]:
    try:
        return work(path), ()
    except Problems as refused:
        placed = (p if p.file else replace(p, file=str(path)) for p in refused.problems)
        return None, tuple(placed)
