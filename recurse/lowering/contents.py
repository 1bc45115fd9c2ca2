"""Contents of a pool: samples, or the sums that stand for them; as one flat dict and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from recurse.numerics.arrays import Array, Arrays, Batch


class Sums(NamedTuple):
    """Sufficient statistics of samples, and of those among them that a corrector marked."""

    all: Arrays
    marked: Arrays | None = None

    def map(self, change: Callable[..., Arrays], *others: Sums) -> Sums:
        """``change`` of both parts, side by side with those of others."""
        changed = change(self.all, *(other.all for other in others))
        if self.marked is None:
            return Sums(changed)
        return Sums(changed, change(self.marked, *(other.marked for other in others)))


def flat(batch: Batch) -> dict[str, Array]:
    """A batch as named arrays: ``fields/x``, and where it has them ``weight`` and ``mark``."""
    found = {f"fields/{name}": values for name, values in batch.fields.items()}
    beside = {"weight": batch.weight, "mark": batch.mark}
    return {**found, **{name: values for name, values in beside.items() if values is not None}}


def batch_of(arrays: Mapping[str, Any]) -> Batch:
    """The inverse of ``flat``."""
    fields = _below("fields/", arrays)
    return Batch(fields, arrays.get("weight"), arrays.get("mark"))


def flat_sums(sums: Sums) -> dict[str, Array]:
    """Sums as named arrays: ``all/count``, ``marked/count``, ..."""
    parts = {"all": sums.all, "marked": sums.marked or {}}
    return {f"{part}/{k}": v for part, held in parts.items() for k, v in held.items()}


def sums_of(arrays: Mapping[str, Any]) -> Sums:
    """The inverse of ``flat_sums``."""
    return Sums(_below("all/", arrays), _below("marked/", arrays) or None)


def _below(folder: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {k.removeprefix(folder): v for k, v in arrays.items() if k.startswith(folder)}
