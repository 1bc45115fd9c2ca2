"""``--select``: which arms of a plan are meant.

A selection is a list of terms joined by commas, which must all hold; several selections add up.

    policy=replace            a value by its path; a mapping by its kind; ``*`` and ``?`` match
    samples.real=100
    kind:vae                  any part of the arm is of this kind
    status:failed             some of its cells are new, changed, incomplete, failed or cached
    replace                   an axis value, the backend, or the whole label
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, get_args

from recurse.planning.blocks import ArmPlan, Status
from recurse.planning.plan import Plan
from recurse.reading.document import Document
from recurse.reading.problems import Problem, Problems
from recurse.spec import number_text


def select(plan: Plan, selections: Sequence[str]) -> tuple[int, ...] | None:
    """The places of the selected arms; None if nothing was asked.

    Raises:
        Problems: a selection is malformed or matches nothing (E303), with the nearest names.
    """
    if not selections:
        return None
    chosen: set[int] = set()
    problems: list[Problem] = []
    for text in selections:
        terms = _terms(text)
        try:
            found = {
                place
                for place, arm in enumerate(plan.arms)
                if all(_holds(plan, place, arm, term) for term in terms)
            }
        except ValueError as error:
            problems.append(Problem("E303", str(error), file=f"--select {text}"))
            continue
        if not found:
            problems.append(_nothing(plan, text, terms))
        chosen |= found
    if problems:
        raise Problems(problems)
    return tuple(sorted(chosen))


def _terms(text: str) -> list[str]:
    """The parts between commas; those inside the brackets of a label part nothing."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def _holds(plan: Plan, place: int, arm: ArmPlan, term: str) -> bool:
    if term.startswith("status:"):
        wanted = term.removeprefix("status:")
        known = get_args(Status)
        if wanted not in known:
            raise ValueError(f"there is no status '{wanted}'; known: {', '.join(known)}")
        return any(cell.arm == place and cell.status == wanted for cell in plan.cells)
    if term.startswith("kind:"):
        return any(fnmatchcase(kind, term.removeprefix("kind:")) for kind in _kinds(arm))
    path, equals, value = term.partition("=")
    if equals and "(" not in path:
        return any(
            fnmatchcase(text, value) or _same_number(text, value) for text in _texts(arm, path)
        )
    return any(fnmatchcase(text, term) for text in _names(arm))


def _texts(arm: ArmPlan, path: str) -> Iterator[str]:
    """A value in the ways that a user may write it."""
    if path in arm.axes:
        yield arm.axes[path]
    document = Document(arm.arm.data())
    value = document.get(document.path(path))
    if isinstance(value, Mapping):
        yield str(value.get("kind", ""))
    elif isinstance(value, bool):
        yield str(value).lower()
    elif value is not None:
        yield number_text(value) if isinstance(value, float) else str(value)


def _same_number(text: str, value: str) -> bool:
    """``0.10``, ``.1`` and ``1e-1`` are one."""
    try:
        return float(text) == float(value)
    except ValueError:
        return False


def _kinds(arm: ArmPlan) -> list[str]:
    parts: list[Any] = list(arm.arm.data().values())
    flat = [item for part in parts for item in (part if isinstance(part, list) else [part])]
    return [str(part["kind"]) for part in flat if isinstance(part, Mapping) and "kind" in part]


def _names(arm: ArmPlan) -> list[str]:
    return [arm.label, arm.arm.backend, *arm.axes.values()]


def _nothing(plan: Plan, text: str, terms: Sequence[str]) -> Problem:
    options: dict[str, None] = {}
    for arm in plan.arms:
        options |= dict.fromkeys(_names(arm))
        options |= dict.fromkeys(f"{path}={value}" for path, value in arm.axes.items())
        options[f"backend={arm.arm.backend}"] = None
        options |= dict.fromkeys(f"kind:{kind}" for kind in _kinds(arm))
    near = [m for term in terms for m in difflib.get_close_matches(term, options, n=2, cutoff=0.6)]
    if near and not set(near) >= set(terms):
        hint = "did you mean " + " or ".join(f"'{name}'" for name in dict.fromkeys(near)) + "?"
    else:
        labels = list(dict.fromkeys(arm.label for arm in plan.arms))
        more = f", … {len(labels) - 5} more" if len(labels) > 5 else ""
        hint = f"arms: {'; '.join(labels[:5])}{more}"
    return Problem("E303", "selects no arm", hint=hint, file=f"--select {text}")


def select_each(plans: Sequence[Plan], selections: Sequence[str]) -> list[tuple[int, ...] | None]:
    """`select` for several plans; each selection must match something in one of them.

    Raises:
        Problems: a selection is malformed, or matches nothing in any plan.
    """
    if not selections:
        return [None] * len(plans)
    chosen: list[set[int]] = [set() for _ in plans]
    problems: list[Problem] = []
    for text in selections:
        refused: list[Problem] = []
        for places, plan in zip(chosen, plans, strict=True):
            try:
                places.update(select(plan, [text]) or ())
            except Problems as raised:
                refused.extend(raised.problems)
        problems += dict.fromkeys(refused) if len(refused) == len(plans) else ()
    if problems:
        raise Problems(problems)
    return [tuple(sorted(places)) for places in chosen]
