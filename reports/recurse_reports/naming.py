"""Short names of arms: the values that set them apart, and none that they share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

KIND_AXES = ("source", "model", "policy", "sampler", "corrector", "backend")
_COMMA = re.compile(r",(?![^\[\](]*[\])])")  # not inside brackets
_WHOLE = re.compile(r"([\w.]*)\((.*)\)", re.S)
Axes = Mapping[str, str]


def short(arms: Mapping[str, Axes], otherwise: Mapping[str, str]) -> dict[str, str]:
    """Label -> short name, from the values of each arm's axes.

    Arms that differ in nothing are named as ``otherwise`` says; where short names would not be
    unique, all keep their labels.
    """
    varied = [
        axis
        for axis in dict.fromkeys(axis for axes in arms.values() for axis in axes)
        if len({axes.get(axis) for axes in arms.values()}) > 1
    ]
    for axes in ([axis for axis in varied if axis != "metrics"], varied):
        found = {label: _name(label, arms, axes) or otherwise[label] for label in arms}
        if len(set(found.values())) == len(found):
            return found
    return {label: label for label in arms}


def _name(label: str, arms: Mapping[str, Axes], varied: Sequence[str]) -> str:
    mine = arms[label]
    parts = [
        _part(axis, mine[axis], [axes[axis] for axes in arms.values() if axis in axes])
        for axis in varied
        if axis in mine
    ]
    # A model is often fitted to the source of its name.
    kept = [
        part
        for place, part in enumerate(parts)
        if part
        and not any(
            other.startswith(f"{part}(") or (other == part and other_place < place)
            for other_place, other in enumerate(parts)
        )
    ]
    return ", ".join(kept)


def _part(axis: str, value: str, every: Sequence[str]) -> str:
    """A value in words: ``replace``, ``gamma 0.5``, ``oracle(gamma=0.5)``, ``n = 100``."""
    if axis == "samples":
        return _samples(_arguments(value)[1], [_arguments(other)[1] for other in every])
    leaf = axis.rpartition(".")[2].replace("_", " ")
    if axis.startswith("samples."):
        return f"{_count(value)} {leaf}"
    if axis not in KIND_AXES:
        return f"{leaf} {value}"
    if value == "none":
        return f"no {axis}"
    head, mine = _arguments(value)
    known = [_arguments(other) for other in every]
    same = [found for name, found in known if name == head]
    kept = {k: v for k, v in mine.items() if len({found.get(k) for found in same}) > 1}
    if kept and all(name == head for name, _ in known):
        return ", ".join(f"{name.replace('_', ' ')} {v}" for name, v in kept.items())
    inside = ", ".join(f"{name}={v}" for name, v in kept.items())
    return f"{head}({inside})" if inside else head


def _samples(mine: Mapping[str, str], every: Sequence[Mapping[str, str]]) -> str:
    """``n = 100`` where the pools of each arm are of one size, else the pools that differ."""
    if mine and all(len(pools) > 1 and len(set(pools.values())) == 1 for pools in every):
        return f"n = {_count(next(iter(mine.values())))}"
    kept = [pool for pool in mine if len({pools.get(pool) for pools in every}) > 1]
    return ", ".join(f"{_count(mine[pool])} {pool}" for pool in kept)


def _arguments(value: str) -> tuple[str, dict[str, str]]:
    """``oracle(gamma=0.5)`` -> ``oracle`` and its arguments; a bare kind has none."""
    whole = _WHOLE.fullmatch(value)
    if whole is None:
        return value, {}
    parts = (part.partition("=") for part in _COMMA.split(whole[2]))
    return whole[1], {name.strip(): text.strip() for name, _, text in parts}


def _count(text: str) -> str:
    """``1,000``, ``100M``."""
    if not text.isdigit():
        return text
    number = int(text)
    return f"{number / 10**6:g}M" if number >= 10**6 and number % 10**5 == 0 else f"{number:,}"
