"""The base of laws: a law refuses the arms that it does not apply to, and draws curves."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from recurse.theory.usage import Unreadable, Usage, usage

CurveKind = Literal["exact", "bound", "asymptotic"]
Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """A line beside a measured metric: ``values [G+1]`` in the metric's units, NaN where undefined.

    ``exact``: the expectation at finite n. ``bound``: the expectation stays on one side of it.
    ``asymptotic``: a limit, of large n or of many generations. The name says which.

    A law that works for its values hands over a function, and then has one at every generation:
    metric, kind and name say if a claim can be judged, and no value is computed for that.
    """

    metric: str
    kind: CurveKind
    name: str
    drawn: Values | Callable[[], Values]
    """The values, or a function that computes them; they are then numbers at every generation."""
    cite: str

    @cached_property
    def values(self) -> Values:
        """``[G+1]``, computed when first looked at."""
        return self.drawn() if callable(self.drawn) else self.drawn

    def known(self, last: int) -> tuple[int, ...]:
        """The generations up to ``last`` that have a value; computes none that can wait."""
        if callable(self.drawn):
            return tuple(range(last + 1))
        return tuple(int(g) for g in np.flatnonzero(np.isfinite(self.drawn)) if g <= last)


class Law(ABC):
    """Theory about one or more families. ``arm`` is a ``recurse.scenario.scenario.Arm``."""

    name: ClassVar[str]
    families: ClassVar[tuple[str, ...]]
    """The model kinds that the law is about."""
    metrics: ClassVar[tuple[str, ...]]
    """The metrics that it may have curves of: who asks for another need not ask this law."""

    def reason(self, arm: Any) -> str | None:
        """``refusal``, or that the arm's schedule cannot be read; None if the law applies."""
        try:
            return self.refusal(arm)
        except Unreadable as problem:
            return str(problem)

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


def about(arm: Any, metric: str | None = None) -> Iterator[Law]:
    """The laws about the family of an arm; of a metric, those that may have curves of it."""
    for law in laws():
        if arm.model.kind in law.families and (metric is None or metric in law.metrics):
            yield law


def curves(
    arm: Any, metric: str | None = None
) -> tuple[tuple[Curve, ...], tuple[tuple[str, str], ...]]:
    """All curves that apply to an arm, whether or not it measures the metric; and those left out.

    With a ``metric`` only curves of that one. The second part lists (law, reason) for the laws
    asked that do not apply.

    Raises:
        TypeError: a law draws a metric that it does not name.
    """
    drawn: list[Curve] = []
    refused: list[tuple[str, str]] = []
    for law in about(arm, metric):
        if (reason := law.reason(arm)) is not None:
            refused.append((law.name, reason))
            continue
        for curve in law.curves(arm):
            if curve.metric not in law.metrics:
                raise TypeError(f"law '{law.name}' does not name its metric '{curve.metric}'")
            if metric in (None, curve.metric):
                drawn.append(curve)
    return tuple(drawn), tuple(refused)


def usage_of(arm: Any) -> Usage:
    """The arm's schedule as arrays.

    Raises:
        Unreadable: a fit has no data; `Law.reason` makes that a reason not to apply.
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
