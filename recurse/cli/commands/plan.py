"""``recurse plan``: the work of a run before it starts, like a database's EXPLAIN."""

from __future__ import annotations

import json
from functools import partial

from recurse.cli import console
from recurse.cli.options import (
    Jobs,
    MaxErrors,
    Output,
    Retry,
    Select,
    Sets,
    Specs,
    StoreDir,
    TextOrJson,
)


def plan(
    specs: Specs,
    sets: Sets = None,
    select: Select = None,
    store: StoreDir = "runs",
    jobs: Jobs = None,
    retry: Retry = False,
    format: TextOrJson = "text",
    output: Output = None,
    max_errors: MaxErrors = 20,
) -> int:
    """Print the work that a run would do, its cost and its reasons."""
    from recurse.cli.stores import stored_history
    from recurse.engines.crew import default_jobs
    from recurse.planning.selection import select_each
    from recurse.planning.words import in_words
    from recurse.running.check import compiled

    jobs = jobs or default_jobs()
    plans = compiled(specs, sets or (), partial(stored_history, store), retry, jobs)
    chosen = select_each(plans, select or ())
    texts = [
        in_words(
            made.only(places),
            jobs=jobs,
            chosen=places,
            everything=console.settings.verbose,
            heading=lambda text: console.paint(text, "bold") if output is None else text,
        )
        for made, places in zip(plans, chosen, strict=True)
        if format == "text"
    ]
    if format == "json":
        found = [made.only(places).data() for made, places in zip(plans, chosen, strict=True)]
        texts = [json.dumps(found[0] if len(found) == 1 else found, indent=2)]
    console.write("\n\n".join(texts) + "\n", output)
    return 0
