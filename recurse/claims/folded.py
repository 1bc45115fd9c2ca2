"""Outcomes of claims as people read them: one record where several backends agree."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from recurse.store.records import ClaimRecord


def folded(records: Sequence[ClaimRecord], backends: Collection[str]) -> list[ClaimRecord]:
    """The records in their order; records that differ in the backend alone become one.

    Evidence about one of several backends opens with its name (``torch: ...``); that about several
    opens with ``on torch and jax: ...``.
    """
    found: dict[tuple[object, ...], tuple[ClaimRecord, list[str]]] = {}
    for record in records:
        backend, mark, evidence = record.evidence.partition(": ")
        if not mark or backend not in backends:
            backend, evidence = "", record.evidence
        bare = replace(record, evidence=evidence)
        key = (record.claim, record.statement, record.arm, record.holds, evidence)
        found.setdefault(key, (bare, []))[1].append(backend)
    return [_named(bare, [name for name in names if name]) for bare, names in found.values()]


def _named(record: ClaimRecord, backends: Sequence[str]) -> ClaimRecord:
    if not backends:
        return record
    about = backends[0]
    if len(backends) > 1:
        about = f"on {', '.join(backends[:-1])} and {backends[-1]}"
    return replace(record, evidence=f"{about}: {record.evidence}")
