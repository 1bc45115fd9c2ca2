"""The matrix: axes, then exclude, then include (GitHub Actions' words), expanded on plain data."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recurse.claims import matches
from recurse.document import Path, put
from recurse.problems import Problem, Problems

if TYPE_CHECKING:
    from recurse.scenario import Scenario

RESERVED = ("include", "exclude")
MAX_CELLS = 1_000_000


@dataclass(frozen=True)
class Combination:
    """The label of one arm, and where in the file each of its axis values stands."""

    label: str
    origin: Mapping[str, Path]


def expand(scenario: Scenario, fields: Sequence[str]) -> list[Combination]:
    """Every combination of the axes, minus the excluded, plus the included.

    ``fields`` are the top-level names that an axis may start with.

    Raises:
        Problems: an axis that names no field of an arm, an entry of the wrong form, an empty or too
            large matrix.
    """
    matrix = scenario.matrix
    axes = {axis: values for axis, values in matrix.items() if axis not in RESERVED}
    _check(scenario, axes, fields)
    picks: list[dict[str, tuple[Any, Path]]] = []
    for indices in itertools.product(*(range(len(values)) for values in axes.values())):
        chosen = zip(axes.items(), indices, strict=True)
        picks.append({axis: (values[i], ("matrix", axis, i)) for (axis, values), i in chosen})
    excluded = matrix.get("exclude", ())
    picks = [p for p in picks if not any(matches(_nested(p), entry) for entry in excluded)]
    for place, entry in enumerate(matrix.get("include", ())):
        _include(picks, entry, ("matrix", "include", place))
    if not picks:
        raise Problems([scenario.problem("E212", "the matrix is empty", ("matrix",))])
    return [_combination(pick, _siblings(axes, matrix.get("include", ()))) for pick in picks]


def _siblings(
    axes: Mapping[str, Sequence[Any]], included: Sequence[Mapping[str, Any]]
) -> dict[str, list[Any]]:
    """Every value that a path has in the matrix, each once: a label tells them apart."""
    found: dict[str, list[Any]] = {axis: list(values) for axis, values in axes.items()}
    for entry in included:
        for path, value in entry.items():
            held = found.setdefault(path, [])
            if value not in held:
                held.append(value)
    return found


def _check(scenario: Scenario, axes: Mapping[str, Sequence[Any]], fields: Sequence[str]) -> None:
    problems: list[Problem] = []
    count = len(scenario.seed_list)
    for axis, values in axes.items():
        count *= len(values)
        if axis.split(".")[0] not in fields:
            text = f"'{axis}' is not a field of an arm: {', '.join(fields)}"
            problems.append(scenario.problem("E212", text, ("matrix", axis), key=True))
    for name in RESERVED:
        for place, entry in enumerate(scenario.matrix.get(name, ())):
            if not isinstance(entry, Mapping) or not entry:
                text = f"an entry of '{name}' is a mapping of dotted path to value"
                problems.append(scenario.problem("E212", text, ("matrix", name, place)))
    if count > MAX_CELLS:
        text = f"the matrix and the seeds make {count} cells; the limit is {MAX_CELLS}"
        problems.append(scenario.problem("E210", text, ("matrix",)))
    if problems:
        raise Problems(problems)


def _include(
    picks: list[dict[str, tuple[Any, Path]]], entry: Mapping[str, Any], place: Path
) -> None:
    """Add an entry to the combinations that it agrees with, or as a combination of its own."""
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
    if not agreeing:
        picks.append(values)


def _nested(pick: Mapping[str, tuple[Any, Path]]) -> dict[str, Any]:
    """The axis values as nested plain data, for ``exclude``."""
    found: Any = {}
    for path, (value, _) in pick.items():
        found = put(found, tuple(path.split(".")), value)
    return dict(found)


def _combination(
    pick: Mapping[str, tuple[Any, Path]], axes: Mapping[str, Sequence[Any]]
) -> Combination:
    named = {p: _value(v, axes.get(p, ())) for p, (v, _) in pick.items() if p != "backend"}
    label = ",".join(f"{path}={text}" for path, text in named.items())
    return Combination(label, {path: place for path, (_, place) in pick.items()})


def _value(value: Any, siblings: Sequence[Any]) -> str:
    """Of a list, its items; commas in parentheses do not part axes."""
    if isinstance(value, list | tuple):
        return f"({','.join(_text(item, ()) for item in value)})"
    return _text(value, siblings)


def _text(value: Any, siblings: Sequence[Any]) -> str:
    """A short name of an axis value, unique among its siblings."""
    if not isinstance(value, Mapping):
        return f"{value:g}" if isinstance(value, float) else str(value)
    rest = {key: item for key, item in value.items() if key != "kind"}
    alike = [s for s in siblings if isinstance(s, Mapping) and s.get("kind") == value.get("kind")]
    name = str(value.get("kind", ""))
    if name and len(alike) <= 1:
        return name
    inner = ",".join(f"{key}={_text(item, ())}" for key, item in rest.items())
    return f"{name}({inner})" if inner else name
