"""The base of laws: a law refuses the arms that it does not apply to, and draws curves."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from recurse.theory.usage import Usage, usage

CurveKind = Literal["exact", "bound", "asymptotic"]


@dataclass(frozen=True, eq=False)
class Curve:
    """A line beside a measured metric: ``values [G+1]`` in the metric's units, NaN where undefined.

    ``exact``: the expectation at finite n. ``bound``: the expectation stays on one side of it.
    ``asymptotic``: a limit, of large n or of many generations. The name says which.
    """

    metric: str
    kind: CurveKind
    name: str
    values: NDArray[np.float64]
    cite: str


class Law(ABC):
    """Theory about one or more families. ``arm`` is a ``recurse.scenario.scenario.Arm``."""

    name: ClassVar[str]
    families: ClassVar[tuple[str, ...]]
    """The model kinds that the law is about."""

    @abstractmethod
    def refusal(self, arm: Any) -> str | None:
        """The reason why the law does not apply to the arm; None if it applies."""

    @abstractmethod
    def curves(self, arm: Any) -> tuple[Curve, ...]:
        """The curves of an arm that is not refused."""


@cache
def laws() -> tuple[Law, ...]:
    """All laws of this folder, by name."""
    package = importlib.import_module("recurse.theory")
    found: dict[str, Law] = {}
    for module in pkgutil.iter_modules(package.__path__):
        loaded = importlib.import_module(f"{package.__name__}.{module.name}")
        for _, member in inspect.getmembers(loaded, inspect.isclass):
            own = member.__module__ == loaded.__name__
            if own and issubclass(member, Law) and not inspect.isabstract(member):
                found[member.name] = member()
    return tuple(law for _, law in sorted(found.items()))


def curves(arm: Any) -> tuple[tuple[Curve, ...], tuple[tuple[str, str], ...]]:
    """All curves that apply to an arm, whether or not it measures the metric; and those left out.

    The second part lists (law, reason) for the laws about this family that do not apply.
    """
    drawn: list[Curve] = []
    refused: list[tuple[str, str]] = []
    for law in laws():
        if arm.model.kind not in law.families:
            continue
        reason = law.refusal(arm)
        if reason is None:
            drawn.extend(law.curves(arm))
        else:
            refused.append((law.name, reason))
    return tuple(drawn), tuple(refused)


def usage_of(arm: Any) -> Usage:
    """The arm's schedule as arrays.

    Raises:
        ValueError: the schedule cannot be read.
    """
    return usage(arm.schedule)


def link_of(arm: Any) -> float | None:
    """The probability that a synthetic sample keeps its model's law; None if it has no such law.

    The oracle pi_gamma replaces a sample by a draw from the truth with probability
    ``gamma / (1 + gamma)`` (Gillman et al. 2402.07087, Def. 4.1, sample by sample).
    """
    return corrector_link(arm) if arm.sampler.kind == "none" else None


def corrector_link(arm: Any) -> float | None:
    """``link_of`` whatever the sampler: for laws that know how it changes the model's law."""
    if arm.corrector.kind == "none":
        return 1.0
    if arm.corrector.kind == "oracle":
        return 1.0 / (1.0 + float(arm.corrector.gamma))
    return None
