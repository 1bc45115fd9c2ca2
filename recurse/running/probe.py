"""From a scenario to stored measurements: the work of `recurse probe`, callable from Python."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from recurse.engines import probe as engine
from recurse.planning.planner import plan, require
from recurse.planning.widths import key, ladder
from recurse.scenario.scenario import Scenario, load
from recurse.store.records import ProbeRecord
from recurse.store.writer import StoreWriter


def probe(
    spec: Scenario | str | Path | Mapping[str, Any],
    store: str | Path = "runs",
    *,
    sets: Sequence[str] = (),
    only: Collection[str | int] | None = None,
    command: str = "",
) -> Iterator[ProbeRecord]:
    """Measure each arm at several widths and store the measurements; yields each as it comes.

    Args:
        spec: a file, a mapping or a loaded scenario.
        store: the directory of the store.
        sets: overrides, ``path=value`` each.
        only: arms to measure, by label or by place in the plan; all by default.
        command: the command as the user typed it, shown to those who find the store in use.

    Raises:
        Problems: the scenario is refused.
        RecurseError: the store is busy, a package is missing, a worker failed.
    """
    scenario = spec if isinstance(spec, Scenario) else load(spec, sets)
    require(scenario, only)
    made = plan(scenario)
    seen = set()
    with StoreWriter(store, command) as writer:
        for left in writer.root.glob("probe-*"):
            shutil.rmtree(left)  # of a probe that was killed
        for place, arm in enumerate(made.arms):
            wanted = only is None or place in only or arm.label in only
            here = key(arm.arm)
            if not wanted or here in seen:
                continue
            seen.add(here)
            widths = ladder(arm.arm, arm.cost, len(scenario.seed_list))
            for found in engine.probe(arm.arm, arm.lowering == "statistics", widths, writer.root):
                record = ProbeRecord(
                    *here, **found._asdict(), label=arm.label, backend=arm.arm.backend
                )
                writer.put_probes([record])
                yield record
