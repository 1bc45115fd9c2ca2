"""A plan in words, like a database's EXPLAIN: what will run, how, at what cost, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from recurse.claims import count
from recurse.planning.blocks import ArmPlan, Block, Cell
from recurse.planning.judgeable import theory
from recurse.scenario.identity import essence
from recurse.scenario.scenario import ARM_FIELDS, Arm, Scenario
from recurse.schedule import Row, Schedule, Use
from recurse.spec import number_text

_SHOWN = 8  # arms printed in full
_REASONS = 4
_GAPS = 4
_COMMON = tuple(field for field in ARM_FIELDS if field != "backend")

Emphasis = Callable[[str], str]


class Planned(Protocol):
    """The parts of a plan that its words need."""

    @property
    def scenario(self) -> Scenario: ...
    @property
    def arms(self) -> tuple[ArmPlan, ...]: ...
    @property
    def cells(self) -> tuple[Cell, ...]: ...
    @property
    def blocks(self) -> tuple[Block, ...]: ...
    @property
    def missing(self) -> tuple[str, ...]: ...


def in_words(
    plan: Planned,
    *,
    jobs: int = 1,
    chosen: Sequence[int] | None = None,
    everything: bool = False,
    heading: Emphasis = str,
) -> str:
    """The plan as text.

    Args:
        plan: what to print.
        jobs: workers that share the work, for the estimate of time.
        chosen: places of the arms to print; all by default.
        everything: print every arm in full, however many.
        heading: marks a heading, for example in bold.
    """
    places = list(range(len(plan.arms))) if chosen is None else list(chosen)
    lines = [*_head(plan, places, heading), ""]
    groups = _alike(plan, places)
    full = groups if everything or len(groups) <= _SHOWN else groups[: _SHOWN - 2]
    for group in full:
        lines += [_title(plan, group, heading), *_arm(plan, group[0]), ""]
    if rest := [place for group in groups[len(full) :] for place in group]:
        lines.append(heading(f"{count(len(rest), 'more arm')} (all in full: --verbose)"))
        lines += [f"  {name(plan.arms[i])}: {_statuses(_of(plan, i))}" for i in rest]
        lines.append("")
    return "\n".join([*lines, *_total(plan, places, jobs, heading)])


def name(arm: ArmPlan) -> str:
    """The name of an arm on screen."""
    return f"{arm.label} on {arm.arm.backend}"


def gaps(missing: Iterable[tuple[int, int]]) -> str:
    """Generations, given as the first and last of each stretch, in words."""
    found = sorted(set(missing))
    texts = [str(first) if first == last else f"{first} to {last}" for first, last in found]
    more = f" and {len(texts) - _GAPS} more gaps" if len(texts) > _GAPS else ""
    noun = "generation" if [last - first for first, last in found] == [0] else "generations"
    return f"{noun} {', '.join(texts[:_GAPS])}{more}"


def row_text(row: Row) -> str:
    """The training data of a generation, runs of equal pools in one term."""
    parts = [_run_text(run) for run in row.runs]
    shown = parts if len(parts) <= 4 else [*parts[:2], f"… {len(parts) - 3} more", parts[-1]]
    text = " + ".join(shown) or "nothing"
    if row.budget is None:
        return text
    how = "with" if row.replacement else "without"
    return f"{row.budget} drawn {how} replacement from {text}"


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 0.95:
        return "under a second"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def size(number: float) -> str:
    """Bytes as people say them."""
    for unit in ("KiB", "MiB"):
        number /= 1024
        if number < 1000:
            return f"{number:.3g} {unit}"
    return f"{number / 1024:.3g} GiB"


def ranges(numbers: Iterable[int]) -> str:
    """``0..4, 7`` for 0, 1, 2, 3, 4, 7; at most a few of them."""
    ordered = sorted(set(numbers))
    runs: list[list[int]] = []
    for number in ordered:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    texts = [str(run[0]) if len(run) == 1 else f"{run[0]}..{run[-1]}" for run in runs]
    return ", ".join(texts if len(texts) <= 6 else [*texts[:5], "…", texts[-1]])


_TAGS = ("kind", "version")  # no options of a user


def value_text(value: Any) -> str:
    """A part of an arm in a few words, defaults left out."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{k}={value_text(v)}" for k, v in value.items() if k not in _TAGS)
        kind = str(value.get("kind", ""))
        return f"{kind}({inner})" if inner and kind else kind or inner
    if isinstance(value, list | tuple):
        if len(value) > 6 or any(isinstance(item, list | tuple) for item in value):
            return f"[{len(value)} values]"
        return ", ".join(value_text(item) for item in value)
    return number_text(value) if isinstance(value, float) else str(value)


def _head(plan: Planned, places: Sequence[int], heading: Emphasis) -> Iterator[str]:
    scenario = plan.scenario
    yield heading(scenario.name) + (f": {scenario.title}" if scenario.title else "")
    if scenario.cite:
        yield f"  {scenario.cite}"
    arms = [plan.arms[i].arm for i in places]
    yield ""
    yield heading("every arm" if len(arms) > 1 else "scenario")
    for field in _COMMON:
        values = {value_text(essence(getattr(arm, field))) for arm in arms}
        if len(values) == 1 and (text := _common(field, arms[0], values.pop())):
            yield _entry(field, text)
    yield _entry("seeds", ranges(scenario.seed_list))


def _common(field: str, arm: Arm, text: str) -> str:
    if field == "samples":
        n = arm.samples
        fresh = f", {n.fresh} fresh" if n.fresh else ""
        return f"{n.real} real; {n.synthetic} synthetic{fresh} per generation"
    usual = Arm.model_fields[field].get_default(call_default_factory=True)
    return "" if getattr(arm, field) == usual else text


def _alike(plan: Planned, places: Sequence[int]) -> list[list[int]]:
    """Arms that differ in their backend only, and are in the same state, are printed once."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for place in places:
        key = (plan.arms[place].label, *_arm(plan, place))
        groups.setdefault(key, []).append(place)
    return list(groups.values())


def _title(plan: Planned, group: Sequence[int], heading: Emphasis) -> str:
    numbers = ", ".join(str(place + 1) for place in group)
    on = " and on ".join(plan.arms[place].arm.backend for place in group)
    head = heading(f"arms {numbers}" if len(group) > 1 else f"arm {numbers}")
    return f"{head}  {plan.arms[group[0]].label} on {on}"


def _arm(plan: Planned, place: int) -> Iterator[str]:
    arm = plan.arms[place]
    blocks = [block for block in plan.blocks if block.arm == place]
    yield _entry("lowering", f"{arm.lowering}: {arm.because}")
    yield from _entries("schedule", _schedule(arm.arm.schedule))
    if arm.width.because:
        yield _entry("width", f"{arm.width.replicates}: {arm.width.because}")
    if blocks:
        widths = sorted({len(block.seeds) for block in blocks}, reverse=True)
        wide = " or ".join(count(width, "replicate") for width in widths[:3])
        yield _entry("blocks", f"{len(blocks)} of {wide}, {size(arm.cost.bytes * widths[0])} each")
    yield from _entries("theory", _theory(arm))
    yield from _entries("cells", _reasons(_of(plan, place)))
    yield from _entries("notes", [n for n in arm.notes if not n.startswith("no ")])


def _schedule(schedule: Schedule) -> list[str]:
    last = schedule.generations
    shown = sorted({0, min(1, last), min(2, last), last})
    lines = [f"generation {g} <- {row_text(schedule[g])}" for g in shown]
    return [*lines[:-1], "…", lines[-1]] if last > 3 else lines


def _theory(arm: ArmPlan) -> list[str]:
    measured = {str(metric["kind"]) for metric in arm.arm.data()["metrics"]}
    drawn = [c for c in theory(arm.arm) if c.metric in measured]
    lines = [f"{c.kind}: {c.metric}, {c.name} ({c.cite})" for c in drawn]
    lines += [note.removeprefix("no ") for note in arm.notes if note.startswith("no ")]
    shown = len(drawn)
    lines[shown:] = [f"left out: {text.replace(' curve:', ':', 1)}" for text in lines[shown:]]
    return lines or ["no law is known for this family"]


def _reasons(cells: Sequence[Cell]) -> list[str]:
    """Cells by status, and within a status by reason."""
    groups: dict[tuple[str, str], list[int]] = {}
    for cell in cells:
        groups.setdefault((cell.status, cell.reason), []).append(cell.seed)
    lines = []
    for (status, reason), seeds in groups.items():
        why = "" if status in ("new", "cached") else f": {reason}"
        lines.append(f"{len(seeds)} {status} (seeds {ranges(seeds)}){why}")
    if len(lines) > _REASONS:
        lines[_REASONS - 1 :] = [f"… {len(lines) - _REASONS + 1} more reasons (--format json)"]
    return lines


def _statuses(cells: Sequence[Cell]) -> str:
    counts: dict[str, int] = {}
    for cell in cells:
        counts[cell.status] = counts.get(cell.status, 0) + 1
    return ", ".join(f"{number} {status}" for status, number in counts.items())


def _total(plan: Planned, places: Sequence[int], jobs: int, heading: Emphasis) -> Iterator[str]:
    cells = [cell for cell in plan.cells if cell.arm in places]
    blocks = [block for block in plan.blocks if block.arm in places]
    yield heading("total")
    text = f"{count(len(places), 'arm')}, {count(len(cells), 'cell')}: {_statuses(cells)}"
    yield _entry("cells", text)
    if blocks:
        busy = min(jobs, len(blocks))
        seconds = sum(_seconds(plan, block) for block in blocks) / busy
        held = sorted((plan.arms[b.arm].cost.bytes * len(b.seeds) for b in blocks), reverse=True)
        spent = f"roughly {duration(seconds)} on {count(busy, 'worker')}"
        yield _entry("time", f"{spent}, beside some seconds to start and compile")
        data = max(plan.arms[b.arm].arm.source.footprint() for b in blocks)
        yield _entry("memory", f"roughly {size(sum(held[:busy]) + busy * data)} of data")
    else:
        yield _entry("work", "nothing to run")
    if number := len(plan.scenario.claims):
        yield _entry("claims", f"{number}, checked at the end")
    yield from (_entry("install", text) for text in plan.missing)


def _seconds(plan: Planned, block: Any) -> float:
    share = (block.last - block.done) / max(block.last + 1, 1)
    return float(plan.arms[block.arm].cost.block(len(block.seeds)) * share)


def _of(plan: Planned, place: int) -> list[Cell]:
    return [cell for cell in plan.cells if cell.arm == place]


def _run_text(run: Use) -> str:
    weight = "" if run.weight == 1.0 else f" (weight {run.weight:g})"
    if run.length == 1:
        return f"{run.take} {run.pool}{weight}"
    return f"{run.take} of each {run.pool.kind}[{run.pool.born}..{run.last}]{weight}"


def _entry(label: str, text: str) -> str:
    return f"  {label:<12}{text}"


def _entries(label: str, texts: Sequence[str]) -> Iterator[str]:
    for place, text in enumerate(texts):
        yield _entry(label if place == 0 else "", text)
