"""The verdicts on a scenario of a store."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from recurse.metrics import Metric
from recurse.spec import kinds
from recurse.verdicts import LEVEL, Verdict, definitions, judge
from recurse.verdicts.trace import Trace

if TYPE_CHECKING:
    import polars

    from recurse.store import Store


def verdicts(store: Store, scenario: str, level: float = LEVEL) -> polars.DataFrame:
    """A row per arm, backend and definition: the answer, its figure, interval and level.

    Raises:
        StoreMissing: the store has no such scenario.
    """
    import polars

    store.scenario(scenario)
    known = definitions()
    rows = [
        {
            "scenario": scenario,
            "arm": one.arm,
            "backend": one.backend,
            "definition": one.definition,
            "name": known[one.definition].NAME,
            "answer": one.answer,
            "metric": one.metric,
            "figure": one.finding.figure,
            "low": one.finding.low,
            "high": one.finding.high,
            "level": one.level,
            "evidence": one.finding.evidence,
        }
        for one in found(store, scenario, level)
    ]
    return polars.DataFrame(rows)


def found(store: Store, scenario: str, level: float = LEVEL) -> tuple[Verdict, ...]:
    """The verdicts on all arms of a scenario."""
    return judge(traces(store, scenario), level)


def traces(store: Store, scenario: str) -> list[Trace]:
    """Every metric that speaks to a definition, of every arm and backend."""
    axes = {
        row["arm"]: _plain(row["axes"])
        for row in store.cells(scenario).select("arm", "axes").unique().to_dicts()
    }
    listed = store.scenario(scenario)["spec"].get("metrics") or ()
    order = [str(m.get("kind")) if isinstance(m, dict) else str(m) for m in listed]
    stored = set(store.summary(scenario)["metric"].unique())
    names = [name for name in dict.fromkeys(order) if name in stored]
    found = []
    for name in (*names, *sorted(stored - set(names))):
        kind = kinds("metric").get(name)
        if kind is None or not issubclass(kind, Metric) or not kind.speaks:
            continue
        for (arm, backend), curves in store.arrays(scenario, name).items():
            size, group = sample_size(axes[arm])
            found.append(
                Trace(
                    arm,
                    backend,
                    name,
                    curves.generations,
                    curves.seeds,
                    curves.values,
                    speaks=kind.speaks,
                    worse=kind.worse,
                    log=kind.logarithmic,
                    size=size,
                    group=group,
                )
            )
    return found


def sample_size(axes: dict[str, str]) -> tuple[float | None, str]:
    """The number of real samples of an arm, if the matrix varies it, and the rest of its label.

    Generation 0 is fitted on real samples alone, so their number is the one that a loss falls with
    at the start; another number of synthetic samples alone is another policy.
    """
    rest = {axis: value for axis, value in axes.items() if axis.partition(".")[0] != "samples"}
    return _counts(axes).get("real"), json.dumps(rest, sort_keys=True)


def _counts(axes: dict[str, str]) -> dict[str, float]:
    """Samples by pool, as far as the matrix varies them."""
    found: dict[str, float] = {}
    for axis, value in axes.items():
        if axis == "samples":
            pairs = re.findall(r"(\w+)=(\d+)", value)
            found.update({pool: float(count) for pool, count in pairs})
        elif axis.startswith("samples.") and value.isdigit():
            found[axis.partition(".")[2]] = float(value)
    return found


def _plain(text: Any) -> dict[str, str]:
    """A JSON column as a mapping of texts; it may be JSON inside a JSON string."""
    found = json.loads(text or "{}")
    found = json.loads(found) if isinstance(found, str) else found
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}
