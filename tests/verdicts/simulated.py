"""Traces with known means, and how often a definition gives an answer about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from recurse.verdicts import definitions
from recurse.verdicts.trace import Trace

LEVEL = 0.05
REPEATS = 400
Values = NDArray[np.float64]


def trace(values: Values, **fields: Any) -> Trace:
    """A trace of ``[K, R]`` values, generations 0 to K - 1."""
    generations, seeds = np.arange(len(values)), np.arange(values.shape[1])
    return Trace(fields.pop("arm", "a"), "numpy", "m", generations, seeds, values, **fields)


def noisy(means: Values, seeds: int, rng: np.random.Generator) -> Values:
    """Positive values ``[K, R]`` with these means ``[K]``; half of the noise stays with a seed."""
    lasting = rng.chisquare(20, (1, seeds)) / 20
    return np.asarray(means[:, None] * lasting * rng.chisquare(20, (len(means), seeds)) / 20)


def answers(number: int, draw: Callable[[np.random.Generator], Trace]) -> Counter[str]:
    """The answers of a definition about as many independent traces."""
    find = definitions()[number].find
    found = (draw(np.random.default_rng(seed)) for seed in range(REPEATS))
    return Counter(find(one, [one], LEVEL).answer for one in found)


def at_most(count: int, level: float = LEVEL) -> bool:
    """True if a count of REPEATS is plausible where the chance is ``level``, at 1e-6."""
    return count <= int(binom.ppf(1 - 1e-6, REPEATS, level))
