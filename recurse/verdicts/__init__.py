"""Verdicts: eight definitions of model collapse, each answered per arm. One file per definition.

The definitions are those of Schaeffer et al. 2503.03150; they put them in words, so the thresholds
are ours: constants of each file, printed with the answer. An answer is ``yes`` (this kind of
collapse is shown), ``no`` (it is shown to be absent, within the thresholds) or ``cannot tell``.
Both ``yes`` and ``no`` must be proved against noise; silence proves neither.

A metric says by ``speaks`` which definitions it is about. Where several speak to one definition,
one ``yes`` is enough, and ``no`` takes all of them; a metric that an arm has no numbers of, because
the metric is for another family, is not asked. The level is shared equally by all
answers that are asked of a scenario (Bonferroni): with probability ``1 - level`` no ``yes`` and no
``no`` of its whole table is a mistake of chance.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol, cast

from recurse.verdicts.trace import Answer, Finding, Trace

LEVEL = 0.05
"""The chance that any answer about a scenario is wrong by noise."""
NUMBERS = (1, 2, 3, 4, 5, 6, 7, 8)
_RANK: dict[Answer, int] = {"yes": 0, "cannot tell": 1, "no": 2}


class Definition(Protocol):
    """A file of this folder: ``NUMBER``, ``NAME``, ``RULE`` in a sentence, and ``find``."""

    NUMBER: int
    NAME: str
    RULE: str
    find: Callable[[Trace, Sequence[Trace], float], Finding]
    """A metric of one arm, that metric of all arms that differ in the number of samples alone (the
    arm itself included), and the two-sided level."""


@dataclass(frozen=True)
class Verdict:
    """The answer of one definition about one arm on one backend, with the evidence."""

    definition: int
    arm: str
    backend: str
    answer: Answer
    metric: str
    """The metric that decided; empty if none that is stored speaks to the definition."""
    finding: Finding
    level: float
    """The two-sided level of this answer alone."""
    asked: int
    """The number of metrics asked."""


@cache
def definitions() -> dict[int, Definition]:
    """The definitions by number."""
    loaded = (
        importlib.import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
    )
    found = {
        module.NUMBER: cast(Definition, module) for module in loaded if hasattr(module, "NUMBER")
    }
    return dict(sorted(found.items()))


def judge(traces: Sequence[Trace], level: float = LEVEL) -> tuple[Verdict, ...]:
    """All verdicts, arm by arm in the order of the traces, definitions in the order of the paper.

    Args:
        traces: one per arm, backend and metric.
        level: shared by all answers (Bonferroni).
    """
    known = definitions()
    places = list(dict.fromkeys((trace.arm, trace.backend) for trace in traces))
    traces = [trace for trace in traces if trace.measured]
    number = sum(number in trace.speaks for trace in traces for number in known)
    share = level / max(number, 1)
    found = []
    by_arm: dict[tuple[str, str], list[Trace]] = {}
    by_size: dict[tuple[str, str, str], list[Trace]] = {}
    for trace in traces:
        by_arm.setdefault((trace.arm, trace.backend), []).append(trace)
        by_size.setdefault(_alike(trace), []).append(trace)
    for arm, backend in places:
        for definition in known:
            mine = by_arm.get((arm, backend), ())
            asked = [trace for trace in mine if definition in trace.speaks]
            found.append(_verdict(definition, arm, backend, asked, by_size, share))
    return tuple(found)


def _verdict(
    number: int,
    arm: str,
    backend: str,
    asked: Sequence[Trace],
    sizes: Mapping[tuple[str, str, str], Sequence[Trace]],
    level: float,
) -> Verdict:
    """One ``yes`` is enough; ``no`` takes all; the first metric of the deciding answer is named."""
    if not asked:
        nothing = Finding("cannot tell", "no metric that speaks to it is stored")
        return Verdict(number, arm, backend, "cannot tell", "", nothing, level, 0)
    find = definitions()[number].find
    findings = [(trace, find(trace, sizes[_alike(trace)], level)) for trace in asked]
    trace, finding = min(findings, key=lambda pair: _RANK[pair[1].answer])
    return Verdict(
        number, arm, backend, finding.answer, trace.metric, finding, level, len(findings)
    )


def _alike(trace: Trace) -> tuple[str, str, str]:
    """A key shared by the traces of one metric whose arms differ in the number of samples alone."""
    return trace.metric, trace.backend, trace.group
