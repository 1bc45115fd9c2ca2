"""The store of results: one writer, staged fragments, snapshots for readers.

Workers import `recurse.store.staging` and `recurse.store.checkpoint` only; the names below load
duckdb when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recurse.store.reader import Store
    from recurse.store.writer import StoreWriter

__all__ = ["Store", "StoreWriter"]


def __getattr__(name: str) -> Any:
    if name == "Store":
        from recurse.store.reader import Store

        return Store
    if name == "StoreWriter":
        from recurse.store.writer import StoreWriter

        return StoreWriter
    raise AttributeError(name)
