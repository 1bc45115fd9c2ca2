"""``recurse status``: the process that is writing, and the progress of each scenario."""

from __future__ import annotations

import json

from recurse.cli import console
from recurse.cli.options import StoreDir, TextOrJson


def status(store: StoreDir = "runs", format: TextOrJson = "text") -> int:
    """List how far each scenario has come, and who writes."""
    from recurse.cli.overview import scenarios
    from recurse.cli.stores import open_store

    with open_store(store) as opened:
        found, fresh = scenarios(opened), opened.freshness
    if format == "json":
        writer = dict(fresh.writer) if fresh.writer else None
        data = {"store": store, "writer": writer, "scenarios": [row.data() for row in found]}
        console.data(json.dumps(data, indent=2))
        return 0
    if fresh.writer is None:
        console.say(f"store {store}; nobody is writing")
    rows = [
        (r.scenario, r.cells, r.complete, r.partial, r.failed, r.claims_text, r.last, r.started)
        for r in found
    ]
    header = (
        "scenario",
        "cells",
        "complete",
        "partial",
        "failed",
        "claims",
        "last run",
        "at (UTC)",
    )
    console.data(console.columns(header, rows))
    for row in found:
        for number, generation, reason in row.reasons:
            after = f"after generation {generation}" if generation >= 0 else "at once"
            console.say(f"{row.scenario}: {number} cells stopped {after}: {reason}")
        if row.partial:
            console.say(f"{row.scenario} is not finished; to continue: {row.command}")
    return 0
