"""Whose fault an error is: a kind that was installed is named with its distribution."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType

from recurse.scenario.scenario import Arm
from recurse.spec import BrokenKind, Kind, provider


def blame(error: BaseException, arm: Arm) -> str | None:
    """Which installed kind of the arm raised the error, in words; None if it was none of them.

    It was one that an error names, or one whose package has a frame on the stack of the error.
    """
    packages = set(_packages(error.__traceback__))
    for name, kind in _kinds(arm):
        provided = provider(type(kind))
        said = f"{name} '{kind.kind}' of {provided}"
        if not provided:
            continue
        if isinstance(error, BrokenKind):
            if error.kind == kind.kind:
                return f"{said} {error.text}"
        elif _package(type(kind).__module__) in packages:
            return f"{said} failed: {type(error).__name__}: {error}"
    return None


def _kinds(arm: Arm) -> Iterator[tuple[str, Kind]]:
    for name in ("source", "model", "policy", "sampler", "corrector"):
        yield name, getattr(arm, name)
    for metric in arm.metrics:
        yield "metric", metric


def _packages(trace: TracebackType | None) -> Iterator[str]:
    while trace is not None:
        yield _package(str(trace.tb_frame.f_globals.get("__name__", "")))
        trace = trace.tb_next


def _package(module: str) -> str:
    return module.partition(".")[0]
