"""``recurse doctor``: the installed packages and backends, and their defects."""

from __future__ import annotations

import json

from recurse.cli import console
from recurse.cli.options import StoreDir, TextOrJson


def doctor(store: StoreDir = "runs", format: TextOrJson = "text") -> int:
    """Check the installation: versions, backends, the store."""
    from recurse.cli.examination import examine

    found = examine(store)
    if format == "json":
        console.data(json.dumps([item._asdict() for item in found], indent=2))
    else:
        marks = {True: console.paint("ok", "green"), False: console.paint("bad", "red"), None: "-"}
        for item in found:
            console.data(f"{marks[item.good]:<3} {item.about}: {item.finding}")
    return 1 if any(item.good is False for item in found) else 0
