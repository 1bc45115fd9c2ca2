"""Everything an arm can be refused for before its first step: one list, each with its place."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from recurse.backend import Backend, backends
from recurse.families.neural import Neural
from recurse.lowering.closed import relabels
from recurse.samplers import Sampler
from recurse.scenario.scenario import Arm
from recurse.schedule import Row, flaw

Refusal = tuple[str, str, tuple[str | int, ...]]
"""Code, message, path below the arm."""

MAX_USES = 20_000_000


def refusals(arm: Arm) -> Iterator[Refusal]:
    """Why an arm cannot run, in the order of the file; later checks need the earlier ones."""
    yield from _backend(arm)
    blocking = list(_source(arm))
    yield from blocking
    if blocking:
        return
    yield from _fitting(arm)
    yield from _schedule(arm)
    if arm.model.refusal(arm.source) is None:  # else there is nothing that could be measured
        yield from _metrics(arm)


def _backend(arm: Arm) -> Iterator[Refusal]:
    found = backends()
    if arm.backend not in found:
        close = difflib.get_close_matches(arm.backend, found, n=1)
        hint = f"; did you mean '{close[0]}'?" if close else f"; known: {', '.join(found)}"
        yield "E207", f"there is no backend '{arm.backend}'{hint}", ("backend",)
    elif not _has(found[arm.backend], arm):
        able = [name for name, backend in found.items() if _has(backend, arm)]
        have = ", ".join(able)
        text = f"'{arm.backend}' cannot train '{arm.model.kind}' on this net (can: {have})"
        yield "E201", text, ("backend",)


def _has(backend: Backend, arm: Arm) -> bool:
    """True if the backend can run the family: it has modules for the kinds of its nets."""
    if not isinstance(arm.model, Neural):
        return True
    return arm.model.net.kind in backend.nets


def _source(arm: Arm) -> Iterator[Refusal]:
    for path, code, message in arm.source.problems():
        yield code, message, ("source", *path.split("."))


def _fitting(arm: Arm) -> Iterator[Refusal]:
    reason = arm.model.refusal(arm.source)
    if reason:
        yield "E211", reason, ("model", "kind")
        return
    if arm.start == "warm" and not arm.model.trained:
        text = f"'{arm.model.kind}' is fitted in closed form; a warm start means nothing to it"
        yield "E211", text, ("start",)
    reason = arm.sampler.refusal(arm.model)
    if arm.model.trained and not reason and type(arm.sampler).adapt is not Sampler.adapt:
        reason = f"it changes the parameters of a law, and '{arm.model.kind}' has none"
    if reason:
        yield "E203", reason, ("sampler",)
    reason = arm.corrector.refusal(arm.source, tuple(arm.model.fields(arm.source)))
    reason = reason or arm.corrector.suits(arm.model)
    if arm.corrector.moves and relabels(arm):
        reason = (
            f"it hands on inputs of its own, and here '{arm.model.kind}' labels those of the real "
            "sample again"
        )
    if reason:
        yield "E203", reason, ("corrector",)


def _schedule(arm: Arm) -> Iterator[Refusal]:
    last = arm.schedule[arm.generations]
    if len(last.runs) * arm.generations > MAX_USES:
        text = f"generation {arm.generations} tells {len(last.runs)} kinds of pools apart; too many"
        yield "E206", text, ("generations",)
        return
    fits = arm.model.refusal(arm.source) is None
    own = type(arm.policy).__module__.startswith("recurse.")  # a test holds those to it
    before: Row | None = None
    for row in arm.schedule:
        found = list(_row(arm, row, fits))
        if before and not own and (broken := flaw(before, row)):
            found = [("E213", f"'{arm.policy.kind}': {broken}", ("policy",))]
        before = row
        yield from found
        if found:
            return
    if arm.source.counted:
        yield from enough(arm)


def _row(arm: Arm, row: Row, fits: bool) -> Iterator[Refusal]:
    if row.size == 0:
        yield "E205", f"generation {row.generation} is trained on nothing", ("samples",)
    elif row.budget is not None and not row.replacement and row.budget > row.pooled:
        text = f"generation {row.generation} draws {row.budget} of {row.pooled} samples"
        yield "E205", text, ("policy", "budget")
    elif arm.corrector.keeps and row.synthesise not in (0, arm.samples.real):
        text = (
            f"'{arm.corrector.kind}' hands on the {arm.samples.real} real samples, edited; "
            f"generation {row.generation} has {row.synthesise}"
        )
        yield "E204", text, ("corrector",)
    elif fits:
        for path, code, message in arm.model.problems(arm.source, row, arm.samples.real):
            yield code, message, tuple(path.split("."))


def unsound(arm: Arm) -> Iterator[Refusal]:
    """Why an arm cannot run on its data, all of them read; nothing if its source has counted them
    for `refusals` and finds no flaw."""
    for path, code, message in arm.source.flaws():
        yield code, message, ("source", *path.split("."))
        return
    if not arm.source.counted:
        yield from enough(arm)


def enough(arm: Arm) -> Iterator[Refusal]:
    """Why the source has too few data for an arm."""
    exist = arm.source.available()
    if exist is None:
        return
    new = sum(row.fresh for row in arm.schedule)
    corrected = max(row.synthesise for row in arm.schedule)
    if arm.corrector.origin == "true distribution" and corrected > exist:
        text = f"'{arm.corrector.kind}' draws {corrected} samples, and the source has {exist}"
        yield "E205", text, ("corrector",)
    if arm.samples.real > exist:
        text = f"{arm.samples.real} real samples, and the source has {exist}"
        yield "E205", text, ("samples", "real")
    elif arm.samples.real + new > exist:
        text = (
            f"{arm.samples.real} real and {new} fresh samples over {arm.generations} generations, "
            f"and the source has {exist}"
        )
        yield "E205", text, ("samples", "fresh")


def _metrics(arm: Arm) -> Iterator[Refusal]:
    seen: set[str] = set()
    for place, metric in enumerate(arm.metrics):
        reason = metric.refusal(arm.source, arm.model)
        if metric.kind in seen:
            reason = f"metric '{metric.kind}' is given twice"
        if reason:
            yield "E202", reason, ("metrics", place, "kind")
        seen.add(metric.kind)
