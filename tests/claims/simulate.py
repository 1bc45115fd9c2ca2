"""Simulated results for claims, and rates of verdicts against their binomial law."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom

from recurse.claims import Claim, Series, Verdict
from recurse.theory.law import Curve
from tests.statistics_checks import LEVEL

RUNS = 2000
Draw = Callable[[np.random.Generator], NDArray[np.float64]]


def series(values: ArrayLike, law: ArrayLike | None = None, **given: Any) -> Series:
    """A series of ``[K, R]`` values of metric ``m``, with an exact law if given."""
    table = np.asarray(values, float)
    curves = (Curve("m", "exact", "law", np.asarray(law, float), ""),) if law is not None else ()
    fields: dict[str, Any] = {
        "arm": "replace",
        "policy": "replace",
        "backend": "numpy",
        "metric": "m",
        "generations": np.arange(table.shape[0]),
        "seeds": np.arange(table.shape[1]),
        "values": table,
        "theory": curves,
        "data": {"policy": {"kind": given.get("policy", "replace")}},
    }
    return Series(**{**fields, **given})


def arm(
    policy: str, values: ArrayLike, extra: Mapping[str, Any] | None = None, **given: Any
) -> Any:
    """A series of an arm with a policy, on a backend, with more fields in its data."""
    data = {"policy": {"kind": policy}, **(extra or {})}
    data["backend"] = given.get("backend", "numpy")
    return series(values, arm=given.pop("arm", policy), policy=policy, data=data, **given)


def one(claim: Claim, *given: Series) -> Verdict:
    """The only verdict on some series."""
    (found,) = claim.judge(given)
    return found


def holding(claim: Claim, draw: Callable[[np.random.Generator], Sequence[Series]]) -> int:
    """In how many of ``RUNS`` simulations all verdicts hold; each has its own fixed seed."""
    held = 0
    for run in range(RUNS):
        rng = np.random.Generator(np.random.Philox(key=run))
        held += all(found.holds is True for found in claim.judge(draw(rng)))
    return held


def has_rate(count: int, probability: float, level: float = LEVEL) -> None:
    """Asserts that ``count`` of ``RUNS`` is within the binomial bounds of a probability."""
    low, high = binom.ppf([level / 2, 1 - level / 2], RUNS, probability)
    assert low <= count <= high, f"{count} of {RUNS}, expected {low:.0f} to {high:.0f}"


def normal(shape: tuple[int, int], mean: ArrayLike = 0.0, sd: ArrayLike = 1.0) -> Draw:
    """Draws of ``[K, R]`` values; ``mean`` and ``sd`` are per generation."""
    centre = np.broadcast_to(np.asarray(mean, float), shape[:1])[:, None]
    spread = np.broadcast_to(np.asarray(sd, float), shape[:1])[:, None]
    return lambda rng: centre + spread * rng.standard_normal(shape)
