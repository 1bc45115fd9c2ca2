"""The installed kind that is at fault for an error, named with its distribution."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import NamedTuple

from recurse.scenario.scenario import Arm
from recurse.spec import BrokenKind, Kind, provider


def foreign(arm: Arm) -> dict[str, str]:
    """The installed kinds of an arm, as "role 'kind'", and the distribution of each."""
    named = ((path[0], kind, provider(type(kind))) for path, kind in _kinds(arm))
    return {f"{name.removesuffix('s')} '{kind.kind}'": by for name, kind, by in named if by}


class Blame(NamedTuple):
    """The kind at fault, as a path below the arm, and its deed in words."""

    path: tuple[str | int, ...]
    text: str


def blame(error: BaseException, arm: Arm) -> Blame | None:
    """The installed kind of an arm that is at fault for an error; None if there is none.

    The error names the kind, or has a frame of the kind's package on its stack.
    """
    packages = set(_packages(error.__traceback__))
    for path, kind in _kinds(arm):
        provided = provider(type(kind))
        if not provided:
            continue
        said = f"{path[0].removesuffix('s')} '{kind.kind}' of {provided}"
        if isinstance(error, BrokenKind):
            if error.kind == kind.kind:
                return Blame(path, f"{said} {error.text}")
        elif _package(type(kind).__module__) in packages:
            return Blame(path, f"{said} failed: {type(error).__name__}: {error}")
    return None


def _kinds(arm: Arm) -> Iterator[tuple[tuple[str, *tuple[int, ...]], Kind]]:
    for name in ("source", "model", "policy", "sampler", "corrector"):
        yield (name,), getattr(arm, name)
    for place, metric in enumerate(arm.metrics):
        yield ("metrics", place), metric


def _packages(trace: TracebackType | None) -> Iterator[str]:
    while trace is not None:
        yield _package(str(trace.tb_frame.f_globals.get("__name__", "")))
        trace = trace.tb_next


def _package(module: str) -> str:
    return module.partition(".")[0]
