"""An axis of numbers as a dose: the movement of the outcome with it, and the best dose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal

import numpy as np
import numpy.typing as npt

from recurse.claims.inference import slopes, t_interval
from recurse_reports import words
from recurse_reports.changes import LEVEL, NEAR, Change, difference
from recurse_reports.subject import Subject
from recurse_reports.words import Sentence, Strong

FEWEST = 3
"""Doses from which on there is a curve to speak of."""
NAMED = 3
"""The most doses whose outcome a sentence gives."""


@dataclass(frozen=True)
class Dose:
    """The changes of one metric in the order of the dose."""

    axis: str
    amounts: tuple[float, ...]
    changes: tuple[Change, ...]


def dose(subject: Subject, found: Sequence[Change]) -> Dose | None:
    """The arms as doses, if all that sets them apart is one axis of three numbers or more.

    None where they end at different generations, or a result is not finite.
    """
    axes = {change.arm: subject.axes[change.arm] for change in found}
    varied = {path for arm in axes.values() for path in arm}
    varied = {path for path in varied if len({arm.get(path) for arm in axes.values()}) > 1}
    if len(varied) != 1 or len(found) < FEWEST or len(axes) != len(found):
        return None
    (axis,) = varied
    amounts = [_number(axes[change.arm].get(axis, "")) for change in found]
    ends = {change.generation for change in found}
    if None in amounts or len(ends) > 1 or not all(change.finite for change in found):
        return None
    ordered = sorted(zip(amounts, found, strict=True), key=lambda pair: pair[0] or 0.0)
    return Dose(axis, tuple(float(a or 0.0) for a, _ in ordered), tuple(c for _, c in ordered))


def response(given: Dose) -> Sentence:
    """The movement of the outcome from the smallest dose to the largest, and its value at some."""
    noun, generation = given.changes[0].measure.noun, given.changes[0].generation
    low, high = _amount(given.amounts[0]), _amount(given.amounts[-1])
    parts: list[str] = [
        f"As {_spoken(given.axis)} goes from {low} to {high}, {noun} at generation "
    ]
    parts += [f"{generation} ", Strong(_moves(given)), ": "]
    places = sorted({0, len(given.amounts) // 2, len(given.amounts) - 1})[:NAMED]
    at = [
        f"{words.spread(float(c.last.mean()), c.error)} at {_amount(given.amounts[place])}"
        for place in places
        for c in [given.changes[place]]
    ]
    parts += [words.listed(at), _theory(given), _turn(given)]
    worse = "higher" if given.changes[0].measure.worse == "up" else "lower"
    return (*parts, f". {words.sentence(worse)} is worse.{_start(given)}")


def _spoken(axis: str) -> str:
    """The axis in a sentence: its path, unless that only says where a number stands."""
    first, _, rest = axis.partition(".")
    if first == "samples" and rest:
        return f"the number of {rest} samples"
    return rest.rpartition(".")[2] if first == "metrics" and rest else axis


def _moves(given: Dose) -> str:
    """``rises``, ``falls`` or neither, by the slope of each seed over the order of the doses."""
    values = _common(given)
    if values.shape[1] < 2:
        return "cannot be told from one seed"
    positive = (values > 0).all() and all(change.by_ratio for change in given.changes)
    seen = np.log(values) if positive else values
    at = t_interval(slopes(np.arange(len(seen), dtype=float), seen), LEVEL)
    if at.low > 0:
        return "rises"
    return "falls" if at.high < 0 else "does not change beyond the noise"


def _turn(given: Dose) -> str:
    """The dose between the ends at which the outcome is better than at both, if that is shown."""
    values, sign = _common(given), 1.0 if given.changes[0].measure.worse == "up" else -1.0
    best = int(np.argmin(sign * values.mean(axis=1)))
    if best in (0, len(values) - 1) or values.shape[1] < 2:
        return ""
    gaps = [difference(values[best], values[end]) for end in (0, -1)]
    if not all(gap.excludes(0.0) for gap in gaps):
        return ""
    return f"; it is best at {_amount(given.amounts[best])}"


def _start(given: Dose) -> str:
    """The common start of all doses, if there is one: without it no dose looks harmful."""
    values = _common(given, "first")
    if not np.allclose(values, values[0], rtol=1e-9, atol=0.0):
        return ""
    mean, error = float(values[0].mean()), float("nan")
    if len(values[0]) > 1:
        error = float(values[0].std(ddof=1) / np.sqrt(len(values[0])))
    start = words.spread(mean, error)
    return f" The first model, of real data alone, is at {start} whatever the dose."


def _theory(given: Dose) -> str:
    """The number of doses whose mean is as theory expects."""
    lines = [(change, change.line("exact")) for change in given.changes]
    known = [(change, line.at(change.generation)) for change, line in lines if line is not None]
    near = [abs(change.errors_from(expected)) <= NEAR for change, expected in known]
    if not near:
        return ""
    if all(near) and len(near) == len(given.changes):
        return ", as theory says at every dose"
    return f", as theory says at {sum(near)} of {words.count(len(near), 'dose')}"


def _common(given: Dose, end: Literal["first", "last"] = "last") -> npt.NDArray[np.float64]:
    """The first or last values of the seeds that all doses have, ``[K, R]``."""
    shared = reduce(np.intersect1d, [change.seeds for change in given.changes])
    rows = [getattr(change, end)[np.isin(change.seeds, shared)] for change in given.changes]
    return np.stack(rows)


def _amount(value: float) -> str:
    return f"{value:,.10g}"


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
