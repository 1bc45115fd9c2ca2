"""The matrix: axes, then exclude, then include (GitHub Actions' words), expanded on plain data."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from recurse.claims import matches
from recurse.reading.document import Document, Steps, put
from recurse.reading.problems import Problem, Problems
from recurse.spec import number_text

RESERVED = ("include", "exclude")
MAX_CELLS = 1_000_000


@dataclass(frozen=True)
class Combination:
    """The label of one arm, its values by axis, and the place of each value in the file."""

    label: str
    axes: Mapping[str, str]
    origin: Mapping[str, Steps]


def expand(
    matrix: Mapping[str, Sequence[Any]], document: Document, fields: Sequence[str], seeds: int
) -> list[Combination]:
    """Every combination of the axes, minus the excluded, plus the included.

    Args:
        matrix: axes (dotted path -> values), ``exclude`` and ``include``.
        document: the file of the matrix, for positions.
        fields: top-level names that an axis may start with.
        seeds: the number of seeds of each arm.

    Raises:
        Problems: an axis that names no field of an arm, an entry of the wrong form, an empty or too
            large matrix.
    """
    axes = {axis: values for axis, values in matrix.items() if axis not in RESERVED}
    _check(matrix, document, axes, fields, seeds)
    included = matrix.get("include", ())
    picks = _product(axes) if axes or not included else []
    excluded = matrix.get("exclude", ())
    picks = _left(document, picks, excluded)
    crossed = tuple(picks)
    for place, entry in enumerate(included):
        picks += _include(crossed, entry, ("matrix", "include", place))
    if not picks:
        raise Problems([document.problem("E212", ("matrix",), "the matrix is empty")])
    shared = _shared(axes, included)
    return [_combination(pick, shared) for pick in picks]


def _left(
    document: Document,
    picks: Sequence[dict[str, tuple[Any, Steps]]],
    excluded: Sequence[Mapping[str, Any]],
) -> list[dict[str, tuple[Any, Steps]]]:
    """The combinations that no entry of ``exclude`` matches; each entry must match some."""
    data = [_nested(pick) for pick in picks]
    hit = [[matches(held, entry) for held in data] for entry in excluded]
    if idle := [place for place, row in enumerate(hit) if not any(row)]:
        text = "excludes nothing: no combination has these values"
        at = [("matrix", "exclude", place) for place in idle]
        raise Problems([document.problem("E212", place, text) for place in at])
    gone = [any(column) for column in zip(*hit, strict=True)] if hit else [False] * len(picks)
    return [pick for pick, out in zip(picks, gone, strict=True) if not out]


def _product(axes: Mapping[str, Sequence[Any]]) -> list[dict[str, tuple[Any, Steps]]]:
    """Every combination of the axes' values, with their places; the bare base if no axes."""
    sides = [
        [(axis, (value, ("matrix", axis, i))) for i, value in enumerate(values)]
        for axis, values in axes.items()
    ]
    return [dict(chosen) for chosen in itertools.product(*sides)]


def _shared(
    axes: Mapping[str, Sequence[Any]], included: Sequence[Mapping[str, Any]]
) -> dict[str, set[str]]:
    """The short names that several values of an axis have, by the path of the axis."""
    values = {axis: list(held) for axis, held in axes.items()}
    for entry in included:
        for path, value in entry.items():
            values.setdefault(path, []).append(value)
    return {path: _repeated(held) for path, held in values.items()}


def _repeated(values: Sequence[Any]) -> set[str]:
    different = {_named(value, full=True): value for value in values}
    short = Counter(_named(value, full=False) for value in different.values())
    return {name for name, count in short.items() if count > 1}


def _check(
    matrix: Mapping[str, Sequence[Any]],
    document: Document,
    axes: Mapping[str, Sequence[Any]],
    fields: Sequence[str],
    seeds: int,
) -> None:
    problems: list[Problem] = []
    count = seeds
    places: list[Steps] = [("matrix", axis) for axis in axes]
    for values in axes.values():
        count *= len(values)
    for name in RESERVED:
        for place, entry in enumerate(matrix.get(name, ())):
            if isinstance(entry, Mapping) and entry:
                places += [("matrix", name, place, path) for path in entry]
                continue
            text = f"an entry of '{name}' is a mapping of dotted path to value"
            problems.append(document.problem("E212", ("matrix", name, place), text))
    for at in places:
        if (path := str(at[-1])).split(".")[0] not in fields:
            text = f"'{path}' is not a field of an arm: {', '.join(fields)}"
            problems.append(document.problem("E212", at, text, key=True))
    if count > MAX_CELLS:
        text = f"the matrix and the seeds make {count} cells; the limit is {MAX_CELLS}"
        problems.append(document.problem("E210", ("matrix",), text))
    if problems:
        raise Problems(problems)


def _include(
    picks: Sequence[dict[str, tuple[Any, Steps]]], entry: Mapping[str, Any], place: Steps
) -> list[dict[str, tuple[Any, Steps]]]:
    """Add an entry to the combinations that it agrees with, or as one of its own if none do."""
    values = {path: (value, (*place, path)) for path, value in entry.items()}
    agreeing = [
        pick
        for pick in picks
        if all(pick[path][0] == value for path, value in entry.items() if path in pick)
        and any(path not in pick for path in entry)
        and any(path in pick for path in entry)
    ]
    for pick in agreeing:
        pick.update({path: held for path, held in values.items() if path not in pick})
    return [] if agreeing else [values]


def _nested(pick: Mapping[str, tuple[Any, Steps]]) -> dict[str, Any]:
    """The axis values as nested plain data, for ``exclude``."""
    found: Any = {}
    for path, (value, _) in pick.items():
        # An axis below a plain value has no place; making the arm says where.
        with suppress(TypeError):
            found = put(found, tuple(path.split(".")), value)
    return dict(found)


def _combination(
    pick: Mapping[str, tuple[Any, Steps]], shared: Mapping[str, Collection[str]]
) -> Combination:
    axes = {p: _value(v, shared[p]) for p, (v, _) in pick.items() if p != "backend"}
    label = ",".join(f"{path}={text}" for path, text in axes.items())
    return Combination(label, axes, {path: place for path, (_, place) in pick.items()})


def _value(value: Any, shared: Collection[str]) -> str:
    """The short name of an axis value, or the full one where another value has the short one."""
    short = _named(value, full=False)
    return _named(value, full=True) if short in shared else short


def _named(value: Any, full: bool) -> str:
    """The items of a list by name; commas in parentheses do not part axes."""
    if isinstance(value, list | tuple):
        return f"({','.join(_text(item, full) for item in value)})"
    return _text(value, full)


def _text(value: Any, full: bool) -> str:
    """A value's kind, with its options if ``full``; a value without a kind is its options."""
    if isinstance(value, float):
        return number_text(value)
    if not isinstance(value, Mapping):
        return str(value)
    kind = str(value.get("kind", ""))
    rest = {key: item for key, item in value.items() if key != "kind"}
    if not rest or (kind and not full):
        return kind
    return f"{kind}({','.join(f'{key}={_text(item, full)}' for key, item in rest.items())})"
