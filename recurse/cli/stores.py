"""Opening a store from the command line; its remarks go to standard error."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from recurse.cli import console

if TYPE_CHECKING:
    from recurse.planning.blocks import History, Recall
    from recurse.scenario.scenario import Scenario
    from recurse.store.reader import Store


def open_store(path: str, remark: bool = True) -> Store:
    """The store for reading; with ``remark``, a line about a running writer and about recovery.

    Raises:
        StoreMissing: there is none at ``path``.
    """
    from recurse.store import lock
    from recurse.store.reader import Store, StoreMissing

    def say(text: str) -> None:
        if remark:
            console.say(f"store: {text}")

    try:
        store = Store(path, say)
    except StoreMissing as missing:
        writer = lock.holder(Path(path))
        if writer is None:
            raise
        text = f"'{writer.get('command')}' (PID {writer.get('pid')}) has just begun to write {path}"
        raise StoreMissing(text, hint="there is nothing to read yet") from missing
    if not remark:
        return store
    fresh = store.freshness
    if fresh.writer is not None:
        who = f"'{fresh.writer.get('command', 'a run')}' (PID {fresh.writer.get('pid')})"
        console.say(f"{who} is writing; this is its snapshot of {fresh.seconds:.0f} s ago")
    return store


def existing(path: str) -> Path:
    """The folder of a store.

    Raises:
        StoreMissing: there is none.
    """
    from recurse.store.reader import StoreMissing

    root = Path(path)
    if any((root / name).exists() for name in ("store.duckdb", "snapshots", "stage")):
        return root
    raise StoreMissing(f"no store at {path}", hint="'recurse run SPEC' makes one")


def stored_history(path: str, scenario: Scenario, remark: bool = True) -> Recall | None:
    """The function that asks a store, if there is one, for the records of a scenario's cells."""
    if (
        not any((Path(path) / "snapshots").glob("*.duckdb"))
        and not Path(path, "store.duckdb").exists()
    ):
        return None

    def recall(cells: Collection[str]) -> History:
        from recurse.planning.blocks import History
        from recurse.running.run import history
        from recurse.store.reader import StoreMissing

        try:
            with open_store(path, remark) as store:
                return history(store, scenario.name, cells)
        except StoreMissing:
            return History()

    return recall
