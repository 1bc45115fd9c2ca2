"""First the answer: the change of each arm, with an interval, beside theory."""

from __future__ import annotations

import numpy as np

from recurse.claims.inference import Interval
from recurse_reports import words
from recurse_reports.blocks import Prose, Section, Table
from recurse_reports.changes import NEAR, Change, changes, difference, ratio, shape
from recurse_reports.dose import dose, response
from recurse_reports.subject import Subject
from recurse_reports.words import Sentence, Strong

ORDER = 10
LINES = 8
"""Rows of the table above which it is folded away."""
SPREAD = 0.2
"""Relative standard error above which few seeds make the mean, and normal theory fails."""
APART = 0.25
"""Difference of starts, relative to the largest change, from which arms start apart."""
SPOKEN = 4
"""Arms that a paragraph names; of more it names the worst and the best, the table has all."""


def section(subject: Subject) -> Section | None:
    """The answer by the first metric, or None while nothing has been measured beyond generation 0.

    The other metrics and all figures are in the section of numbers.
    """
    first = next(iter(answers(subject)), None)
    return None if first is None else Section("answer", "Answer", [first, *_cells(subject)])


def answers(subject: Subject) -> tuple[Prose, ...]:
    """A paragraph for each metric of quality, in the order of the spec."""
    blocks: list[Prose] = []
    said = ""
    for measure in (measure for measure in subject.measures if measure.quality):
        found = changes(subject, measure)
        if found:
            backends = _backends(subject, found)
            last = backends if backends != said else ""
            blocks.append(Prose((*_paragraph(subject, found), last), "answer"))
            said = backends
    return tuple(blocks)


def numbers(subject: Subject) -> Table:
    """All changes of all metrics of quality in one table."""
    measures = (measure for measure in subject.measures if measure.quality)
    every = [change for measure in measures for change in changes(subject, measure)]
    return _table(subject, _different(subject, every))


def paragraphs(subject: Subject) -> tuple[str, ...]:
    """The answer as plain text, for a terminal."""
    return tuple(block.text for block in (*answers(subject), *_cells(subject)))


def _paragraph(subject: Subject, found: tuple[Change, ...]) -> Sentence:
    measure = found[0].measure
    first: dict[str, Change] = {}
    for change in found:
        first.setdefault(change.arm, change)
    mine = list(first.values())
    if (given := dose(subject, mine)) is not None:
        return response(given)
    together = _together(mine)
    mine.sort(key=_loss if together else _lost, reverse=True)
    spoken = mine if len(mine) <= SPOKEN else [mine[0], mine[-1]]
    direction = "higher" if measure.worse == "up" else "lower"
    parts: list[str] = []
    before = -1
    for place, change in enumerate(spoken):
        parts += ["; " if place else "", Strong(subject.words[change.arm]), ": "]
        parts += [_changed(change, before), _theory(change)]
        before = change.generation
    parts.append(f". {words.sentence(direction)} is worse.")
    if len(spoken) < len(mine):
        who = "the worst and the best" if together else "those that lose most and least"
        parts.append(
            f" These are {who} of {len(mine)} arms" + (" at the end." if together else ".")
        )
    if not together:
        parts.append(" The arms start from different values.")
    elif len(mine) > 1:
        parts.append(_compared(subject, mine))
    return tuple(parts)


def _changed(change: Change, before: int) -> str:
    """``excess risk grew 98× over 100 generations (95% interval 95 to 101)``; the span once."""
    noun = change.measure.noun
    span = f" over {words.count(change.generation, 'generation')}"
    over = "" if change.generation == before else span
    few = len(change.last) < change.wanted
    tail = f", {len(change.last)} of {change.wanted} seeds" if few else ""
    found = change.interval
    if not change.finite:
        return f"{noun} {_infinite(change, span)}"
    if np.ptp([*change.first, *change.last]) == 0:
        return f"{noun} stayed at {words.number(float(change.last[0]))}{over}{tail}"
    if change.moved == 0 and found.known:
        what = f"{noun} did not change measurably{over}"
        return f"{what} ({_amount(change, found)}, {_range(change, found)}{tail})"
    if not change.by_ratio:
        verb = "rose" if change.moved > 0 else "fell"
        size = found if change.moved > 0 else _negative(found)
        return f"{noun} {verb} by {_amount(change, size)}{over} ({_range(change, size)}{tail})"
    if found.estimate >= 1:
        return f"{noun} grew {_amount(change, found)}{over} ({_range(change, found)}{tail})"
    return f"{noun} fell {_amount(change, found)}{over} ({_range(change, found)}{tail})"


def _infinite(change: Change, span: str) -> str:
    """The seeds in which the metric is infinite, also at the start: that would be no change."""
    start, end = (int((~np.isfinite(values)).sum()) for values in (change.first, change.last))
    seeds = words.count(change.wanted, "seed")
    if not start:
        return f"did not stay finite{span} in {end} of {seeds}"
    later = f"in {end} at generation {change.generation}"
    return f"was not finite in {start} of {seeds} at generation 0, and {later}"


def _amount(change: Change, found: Interval) -> str:
    """``98×``, ``to 37%`` or ``12.3 nats``."""
    if not change.by_ratio:
        return f"{_three(found)[0]} {change.measure.unit}".rstrip()
    if found.estimate >= 1 or change.moved == 0:
        return f"{_three(found)[0]}×"
    if found.estimate < 0.01:
        return f"{_three(found.inverse)[0]}×"
    return f"to {_three(_percent(found))[0]}% of its start"


def _range(change: Change, found: Interval) -> str:
    if not found.known:
        return "one seed, no interval"
    if np.isinf(found.high):
        return "the 95% interval has no upper end: too few seeds"
    if change.by_ratio and found.estimate < 1 and change.moved:
        if found.estimate < 0.01 and found.low > 0:
            return "95% interval {1} to {2}".format(*_three(found.inverse))
        if found.estimate < 0.01:
            return f"95% interval from {_three(found.inverse)[1]}× on"
        return "95% interval {1}% to {2}%".format(*_three(_percent(found)))
    return "95% interval {1} to {2}".format(*_three(found))


def _three(found: Interval) -> tuple[str, str, str]:
    return words.three(found.estimate, found.low, found.high)


def _percent(found: Interval) -> Interval:
    return Interval(*(100 * value for value in found))


def _negative(found: Interval) -> Interval:
    return Interval(-found.estimate, -found.high, -found.low)


def _theory(change: Change) -> str:
    """The statement of theory: an exact curve and a bound, as far as there are any."""
    parts = [text for text in (_exact(change), _bound(change)) if text]
    return ", " + ", ".join(parts) if parts else ""


def _exact(change: Change) -> str:
    line = change.line("exact")
    if line is None or not change.finite:
        return ""
    expected = line.at(change.generation)
    if np.isnan(expected):  # a curve that ends before
        return ""
    kind = shape(line)
    mean = float(change.last.mean())
    errors = change.errors_from(expected)
    if np.isnan(errors):
        return f"no standard error to compare with theory ({_expected(change, expected)})"
    if change.error > SPREAD * abs(mean):
        return f"too uneven over the seeds to compare with theory ({_expected(change, expected)})"
    if abs(errors) <= NEAR:
        start = f"{kind} " if kind in ("linear", "geometric") else ""
        return f"{start}as theory says ({_expected(change, expected)})"
    if np.isinf(errors):  # none of 1000 seeds is no evidence against one in 100,000
        return f"all seeds alike, too even to compare with theory ({_expected(change, expected)})"
    side = "above" if errors > 0 else "below"
    away = f"{words.number(abs(errors), 2)} standard errors"
    return f"{away} {side} theory ({_expected(change, expected)})"


def _expected(change: Change, expected: float) -> str:
    """The expectation at the last generation beside the mean that was measured."""
    mean = words.spread(float(change.last.mean()), change.error)
    return f"expected {words.number(expected)}, measured {mean}"


def _bound(change: Change) -> str:
    """``below the bound 1.64×``; in the metric's own units where the ratio would mislead."""
    line = change.line("bound")
    if line is None or not change.finite:
        return ""
    limit, mean = line.at(change.generation), float(change.last.mean())
    lower = "lower" in line.name
    errors = change.errors_from(limit)
    if np.isnan(errors):
        return f"bound {words.number(limit)}, measured {words.number(mean)}, no standard error"
    start = change.line("exact")
    base = start.at(0) if start else float(change.first.mean())
    times = limit / base if change.by_ratio and base > 0 else np.nan
    same = np.isfinite(times) and (change.interval.estimate > times) == (mean > limit)
    text = f"{words.number(times)}×" if same else words.number(limit)
    if errors == 0:
        return f"at the bound {text}"
    side = "above" if errors > 0 else "below"
    beyond = errors < 0 if lower else errors > 0
    noise = " by less than the noise" if beyond and abs(errors) <= NEAR else ""
    return f"{side} the bound {text}{noise}"


def _loss(change: Change) -> float:
    """The mean at the end, larger where it is worse; what is not finite is worst."""
    mean = float(change.last.mean()) if change.finite else np.inf
    return mean if change.measure.worse == "up" or not change.finite else -mean


def _lost(change: Change) -> float:
    """The change since generation 0, larger where it is worse, for arms that start apart."""
    size = change.interval.estimate if change.finite else np.inf
    return size if change.measure.worse == "up" or not change.finite else -size


def _together(found: list[Change]) -> bool:
    """True if all arms start alike, measured by how far they move; their ends then compare."""
    means = [(c.first.mean(), c.last.mean()) for c in found if c.finite]
    if not means:
        return True
    starts, ends = np.array(means).T
    return bool(np.ptp(starts) <= APART * np.abs(ends - starts).max())


def _worst(found: list[Change]) -> Change:
    return max(found, key=_loss)


def _best(found: list[Change]) -> Change:
    return min(found, key=_loss)


def _compared(subject: Subject, found: list[Change]) -> str:
    """The worst arm against the best one at the same generation, paired by seed."""
    worst, best = _worst(found), _best(found)
    pairs = min(len(worst.last), len(best.last))
    whole = worst.wanted == best.wanted == len(worst.last) == len(best.last)
    if not all(change.finite for change in found) or not (whole and pairs > 1):
        return ""
    if worst is best or worst.generation != best.generation:
        return ""
    measure, start = worst.measure, f" At generation {worst.generation} the {worst.measure.noun}"
    under = f"under {subject.words[worst.arm]}"
    other = f"under {subject.words[best.arm]}"
    if worst.by_ratio and best.by_ratio:
        found_ratio = ratio(best.last, worst.last)
        if found_ratio.known and not found_ratio.excludes(1.0):
            return f"{start} does not differ between the worst and the best by more than the noise."
        more = found_ratio if found_ratio.estimate >= 1 else found_ratio.inverse
        ends = (under, other) if found_ratio.estimate >= 1 else (other, under)
        mid, low, high = _three(more)
        return f"{start} {ends[0]} is {mid} times that {ends[1]} (95% interval {low} to {high})."
    gap = difference(best.last, worst.last)
    if gap.known and not gap.excludes(0.0):
        return f"{start} does not differ between the worst and the best by more than the noise."
    size = gap if gap.estimate >= 0 else _negative(gap)
    mid, low, high = _three(size)
    amount = f"{mid} {measure.unit}".rstrip()
    side = "higher" if gap.estimate >= 0 else "lower"
    return f"{start} is {amount} {side} {under} than {other} (95% interval {low} to {high})."


def _backends(subject: Subject, changed: tuple[Change, ...]) -> str:
    """A sentence on the agreement of the other backends with the one reported."""
    spoken = changed[0].backend
    if all(change.backend == spoken for change in changed):
        return ""
    found = subject.agreement(changed[0].measure.kind)
    others = [backend for backend in subject.backends if backend != spoken]
    if found is None:
        return f" Figures are those of {spoken}."
    if found.equal:
        same = (
            "the same numbers"
            if found.relative == 0
            else (f"the same numbers to {words.number(found.relative, 1)} (relative)")
        )
        return f" {words.sentence(words.listed([spoken, *others]))} give {same}."
    start = f" Figures are those of {spoken}; {words.listed(others)}"
    one = len(others) == 1
    if found.alike:
        return f"{start} {'agrees' if one else 'agree'} within the noise."
    chance = words.number(found.chance, 1)
    return f"{start} {'differs' if one else 'differ'} from it (adjusted p = {chance})."


def _different(subject: Subject, found: list[Change]) -> list[Change]:
    """The changes without backends that repeat the numbers of the first one."""
    first = subject.backends[0]
    same = {
        measure.kind
        for measure in subject.measures
        if (agreement := subject.agreement(measure.kind)) is not None and agreement.equal
    }
    told = {(c.measure.kind, c.arm) for c in found if c.backend == first}
    return [
        c
        for c in found
        if c.backend == first or c.measure.kind not in same or (c.measure.kind, c.arm) not in told
    ]


def _cells(subject: Subject) -> list[Prose]:
    """A warning where cells failed or are not there yet."""
    frame = subject.store.cells(subject.name)
    counts = {key[0]: len(part) for key, part in frame.partition_by("status", as_dict=True).items()}
    whole = counts.get("complete", 0)
    if whole == len(frame):
        return []
    text = f"{whole} of {words.count(len(frame), 'cell')} {'is' if whole == 1 else 'are'} complete"
    if counts.get("failed"):
        rows = frame.filter(frame["status"] == "failed").to_dicts()
        reasons = list(dict.fromkeys(f"{r['reason']}" for r in rows))[:3]
        text += f"; {counts['failed']} failed ({'; '.join(reasons)})"
    if counts.get("partial"):
        text += f"; {counts['partial']} not finished"
    return [Prose((text, "."), "warning")]


def _table(subject: Subject, found: list[Change]) -> Table:
    """A line per metric, arm and backend; columns that are the same in every line are left out."""
    columns: dict[str, list[str]] = {
        "metric": [change.measure.noun for change in found],
        "arm": [subject.words[change.arm] for change in found],
        "backend": [change.backend for change in found],
        "generation": [str(change.generation) for change in found],
        "seeds": [str(len(change.last)) for change in found],
    }
    caption = "Means over the seeds and their change"
    for name in ("metric", "backend", "generation", "seeds"):
        if len(set(columns[name])) == 1:
            del columns[name]
    if "generation" not in columns:
        caption += f" from generation 0 to generation {found[0].generation}"
    numbers = [_numbers(change) for change in found]
    names = ("at the start", "at the end", "change", "95% interval", "expected at the end")
    kept = [k for k, _ in enumerate(names) if any(row[k] != "–" for row in numbers)]
    head = [*columns, *(names[k] for k in kept)]
    texts = zip(*columns.values(), strict=True)
    rows = [[*text, *(row[k] for k in kept)] for text, row in zip(texts, numbers, strict=True)]
    start = len(columns) - sum(name in columns for name in ("generation", "seeds"))
    folded = "All arms in numbers" if len(rows) > LINES else ""
    return Table(caption, head, rows, tuple(range(start, len(head))), folded=folded)


def _numbers(change: Change) -> tuple[str, ...]:
    """First and last mean, change, interval, theory."""
    interval = change.interval
    mid, low, high = _three(interval)
    exact = change.line("exact")
    return (
        words.number(float(change.first.mean())),
        words.number(float(change.last.mean())),
        f"{mid}×" if change.by_ratio else _signed(mid),
        f"{low} to {high}" if interval.known and np.isfinite(interval.high) else "–",
        words.number(exact.at(change.generation)) if exact else "–",
    )


def _signed(text: str) -> str:
    return text if text.startswith(("-", "–")) else f"+{text}"
