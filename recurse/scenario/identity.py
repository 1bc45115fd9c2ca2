"""What makes a cell the same cell: canonical JSON of all that determines its numbers, hashed.

Not in it: names, titles, claims, how many generations (a longer run extends a shorter one, unless
a learning rate follows the whole loop), the block, the machine. Defaults are left out, so a field
added later changes no identity while it has its default; a kind whose numbers change bumps its
integer ``version``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from recurse.scenario.scenario import Arm
from recurse.spec import Kind

SCHEMA = 1


def essence(spec: Any) -> Any:
    """A spec as plain data without its defaults; kinds keep their name and a version above 1."""
    if isinstance(spec, tuple):
        return [essence(item) for item in spec]
    if not hasattr(spec, "model_fields_set"):
        return spec
    found: dict[str, Any] = {}
    for name, info in type(spec).model_fields.items():
        value = getattr(spec, name)
        if name == "kind" or value != info.get_default(call_default_factory=True):
            found[info.alias or name] = essence(value)
    if isinstance(spec, Kind) and spec.version != 1:
        found["version"] = spec.version
    return found


def identity(arm: Arm, seed: int) -> dict[str, Any]:
    """All that determines the numbers of a cell, as plain data."""
    parts: dict[str, Any] = essence(arm)
    if not arm.model.foresees:
        del parts["generations"]
    parts["metrics"] = sorted(parts["metrics"], key=lambda metric: str(metric["kind"]))
    if digest := arm.source.digest():
        parts["data"] = digest
    return {"schema": SCHEMA, "seed": seed, **parts}


def identities(arm: Arm, seeds: Iterable[int]) -> Iterator[tuple[int, str]]:
    """(seed, canonical JSON of the identity), for all cells of an arm at the cost of one."""
    facts = identity(arm, 0)
    before = canonical({key: value for key, value in facts.items() if key < "seed"})
    after = canonical({key: value for key, value in facts.items() if key > "seed"})
    for seed in seeds:
        yield seed, f'{before[:-1]},"seed":{seed},{after[1:]}'


def canonical(data: Any) -> str:
    """Sorted keys, no spaces, whole floats as integers: equal values have equal text."""
    return json.dumps(_plain(data), sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(text: str, size: int = 16) -> str:
    """The blake2b hash of a text, as hex digits."""
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The paths at which two identities differ, as ``path: before -> after``."""
    left, right = dict(_leaves(before)), dict(_leaves(after))
    return [
        f"{path}: {left.get(path, 'default')} -> {right.get(path, 'default')}"
        for path in sorted(left.keys() | right.keys())
        if left.get(path) != right.get(path)
    ]


def _leaves(data: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(data, Mapping):
        return [leaf for k, v in data.items() for leaf in _leaves(v, f"{path}.{k}" if path else k)]
    if isinstance(data, list):
        return [leaf for i, v in enumerate(data) for leaf in _leaves(v, f"{path}.{i}")]
    return [(path, data)]


def _plain(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_plain(value) for value in data]
    if isinstance(data, float):
        return int(data) if data.is_integer() and abs(data) < 2**53 else data
    return data
