"""Outcomes of claims on several backends, once where they agree."""

from __future__ import annotations

from recurse.claims.folded import folded
from recurse.store.records import ClaimRecord


def record(evidence: str, arm: str = "a", holds: bool | None = True) -> ClaimRecord:
    return ClaimRecord("1 grows", "grows", arm, holds, "it grows", evidence)


def test_equal_outcomes_are_told_once() -> None:
    records = [record(f"{b}: ratio 2", arm) for arm in "xy" for b in ("torch", "jax", "numpy")]
    found = folded(records, {"torch", "jax", "numpy"})
    assert [(one.arm, one.evidence) for one in found] == [
        ("x", "on torch, jax and numpy: ratio 2"),
        ("y", "on torch, jax and numpy: ratio 2"),
    ]


def test_what_differs_stays_apart() -> None:
    """In its figures, or in its verdict alone."""
    records = [
        record("torch: ratio 2"),
        record("jax: ratio 3"),
        record("torch: z", holds=True),
        record("jax: z", holds=False),
        record("one backend: no name in front"),
        record(""),
    ]
    assert folded(records, ("torch", "jax")) == records
